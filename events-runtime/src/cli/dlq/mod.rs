//! `dlq`: looks at a group's dead letters and deals with them.

mod args;
mod deal;
mod file;
mod select;
mod show;

pub(super) use args::DlqCommand;

use args::{Of, Pii};

use super::context::{Context, connect, full_topic, named};
use super::failure::Failure;
use super::output;
use crate::avro::json::PersonalData;
use crate::bus::{DeadLetter, DeadLetters};
use crate::config::Config;
use crate::transport::{ConsumerGroup, Topic, Transport};

pub(super) async fn run(context: &Context, command: &DlqCommand) -> Result<(), Failure> {
    match command {
        DlqCommand::List(args) => show::list(context, args).await,
        DlqCommand::Show(args) => show::show(context, args).await,
        DlqCommand::Retry(args) => deal::retry(context, args).await,
        DlqCommand::Drop(args) => deal::drop(context, args).await,
        DlqCommand::Export(args) => file::export(context, args).await,
        DlqCommand::Import(args) => file::import(context, args).await,
    }
}

/// Whose dead letters a command is about, and where they are.
struct Office {
    config: Config,
    transport: Box<dyn Transport>,
    topic: Topic,
    group: ConsumerGroup,
    letters: Topic,
}

impl Office {
    fn open(context: &Context, of: &Of) -> Result<Self, Failure> {
        let config = context.config()?;
        let topic = full_topic(&config, &of.topic)?;
        let group = named(ConsumerGroup::new(of.group.as_str()))?;
        let letters = match &of.letters {
            Some(letters) => full_topic(&config, letters)?,
            None => named(topic.dead_letter(&group))?,
        };
        let transport = connect(&config)?;
        Ok(Self { config, transport, topic, group, letters })
    }

    fn letters(&self) -> DeadLetters<'_> {
        DeadLetters::kept_in(&*self.transport, self.topic.clone(), self.group.clone(), self.letters.clone())
            .lease(self.config.bus().consumer.lease)
    }

    /// Shows all letters, a few at a time; where there are none because the names are wrong, that is an
    /// error.
    async fn look(&self, mut see: impl FnMut(DeadLetter) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut any = false;
        let letters = self.letters();
        letters
            .for_each(|letter| {
                any = true;
                see(letter)
            })
            .await?;
        if any { Ok(()) } else { self.know().await }
    }

    /// Fails where there is no such topic, or no such group on it.
    async fn know(&self) -> Result<(), Failure> {
        let groups = self.transport.groups(&self.topic).await?;
        if groups.iter().any(|status| status.group == self.group) {
            return Ok(());
        }
        let names: Vec<_> = groups.iter().map(|status| format!("`{}`", status.group)).collect();
        let there = if names.is_empty() { "no group".to_owned() } else { names.join(", ") };
        Err(Failure::failed(format!(
            "topic `{}` has no group `{}`, and it left no dead letters: there is {there}",
            self.topic, self.group
        )))
    }

    fn tell_none(&self) {
        output::tell(format_args!(
            "no such dead letters of group `{}` on topic `{}`",
            self.group, self.topic
        ));
    }
}

impl Pii {
    fn personal_data(&self) -> PersonalData {
        if self.show_pii { PersonalData::Shown } else { PersonalData::Masked }
    }
}

//! `dlq`: lists, retries, drops, exports and imports the dead letters of a group.

mod args;
mod file;
mod retry_drop;
mod select;
mod show;

pub(super) use args::DlqCommand;

use args::Source;

use super::context::{Context, full_topic, require_topic, valid_name};
use super::failure::Failure;
use super::output;
use super::render::Renderer;
use events_bus::bus::{DeadLetter, DeadLetters};
use events_bus::config::Config;
use events_core::avro::json::PersonalData;
use events_transport::{ConsumerGroup, Topic, Transport};

pub(super) async fn run(context: &Context, command: &DlqCommand) -> Result<(), Failure> {
    match command {
        DlqCommand::List(args) => show::list(context, args).await,
        DlqCommand::Show(args) => show::show(context, args).await,
        DlqCommand::Retry(args) => retry_drop::retry(context, args).await,
        DlqCommand::Drop(args) => retry_drop::drop(context, args).await,
        DlqCommand::Export(args) => file::export(context, args).await,
        DlqCommand::Import(args) => file::import(context, args).await,
    }
}

/// The dead letters of one group, on an open transport.
struct DeadLetterQueue {
    config: Config,
    transport: Box<dyn Transport>,
    /// The topic without the configured prefix.
    base: Topic,
    topic: Topic,
    group: ConsumerGroup,
    dead_letter_topic: Topic,
}

impl DeadLetterQueue {
    fn open(context: &Context, source: &Source) -> Result<Self, Failure> {
        let config = context.config()?;
        let base = valid_name(Topic::new(source.topic.as_str()))?;
        let topic = full_topic(&config, &source.topic)?;
        let group = valid_name(ConsumerGroup::new(source.group.as_str()))?;
        let dead_letter_topic = match &source.dead_letter_topic {
            Some(name) => full_topic(&config, name)?,
            None => valid_name(topic.dead_letter(&group))?,
        };
        let transport = source.transport.connect(&config, &source.topic, &group)?;
        Ok(Self { config, transport, base, topic, group, dead_letter_topic })
    }

    fn dead_letters(&self) -> DeadLetters<'_> {
        let (topic, group, dead_letter_topic) =
            (self.topic.clone(), self.group.clone(), self.dead_letter_topic.clone());
        DeadLetters::kept_in(&*self.transport, topic, group, dead_letter_topic)
            .lease(self.config.bus().consumer.lease)
    }

    /// Calls `visit` with every dead letter, in batches. If there are none, fails for an unknown topic
    /// or group.
    async fn for_each(
        &self,
        mut visit: impl FnMut(DeadLetter) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut any = false;
        let dead_letters = self.dead_letters();
        dead_letters
            .for_each(|dead_letter| {
                any = true;
                visit(dead_letter)
            })
            .await?;
        if any { Ok(()) } else { self.check_group_exists().await }
    }

    fn renderer(&self, personal_data: PersonalData) -> Result<Renderer, Failure> {
        Renderer::new(&self.config, personal_data)
    }

    async fn check_group_exists(&self) -> Result<(), Failure> {
        require_topic(&*self.transport, &self.config, &self.base).await?;
        let groups = self.transport.groups(&self.topic).await?;
        if groups.iter().any(|status| status.group == self.group) {
            return Ok(());
        }
        let names: Vec<_> = groups.iter().map(|status| format!("`{}`", status.group)).collect();
        let existing = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Err(Failure::failed(format!(
            "topic `{}` has no group `{}` and no dead letters of it; existing groups: {existing}",
            self.topic, self.group
        )))
    }

    fn report_empty(&self) {
        output::eprint(format_args!(
            "no matching dead letters of group `{}` on topic `{}`",
            self.group, self.topic
        ));
    }
}

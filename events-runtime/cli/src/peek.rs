//! `peek`: prints the stored messages of a topic, and changes nothing.

use std::time::Duration;

use super::args::Peek;
use super::context::{Context, connect, full_topic, require_topic, valid_name};
use super::failure::Failure;
use super::interrupt::stop_signal;
use super::output;
use super::render::Renderer;
use events_bus::bus;
use events_bus::envelope::Envelope;
use events_transport::{StartPosition, StoredMessage, Topic, Transport};

/// How often `--follow` looks for new messages.
const FOLLOW: Duration = Duration::from_millis(500);

pub(super) async fn run(context: &Context, args: &Peek) -> Result<(), Failure> {
    let config = context.config()?;
    let renderer = Renderer::new(&config, args.pii.personal_data())?;
    let base = valid_name(Topic::new(args.topic.as_str()))?;
    let topic = full_topic(&config, &args.topic)?;
    let transport = connect(&config, &args.transport)?;
    require_topic(&*transport, &config, &base).await?;
    let mut printer = Printer { context, args, renderer, count: 0 };
    if args.follow {
        tokio::select! {
            result = printer.print(&*transport, topic) => result,
            _ = stop_signal() => Ok(()),
        }
    } else {
        printer.print(&*transport, topic).await
    }
}

struct Printer<'a> {
    context: &'a Context,
    args: &'a Peek,
    renderer: Renderer,
    /// The number of printed messages.
    count: u64,
}

impl Printer<'_> {
    async fn print(&mut self, transport: &dyn Transport, topic: Topic) -> Result<(), Failure> {
        let args = self.args;
        let mut peek = match args.last {
            None => {
                let from = args.from.clone().unwrap_or_else(|| StartPosition::Earliest.into());
                bus::Peek::open(transport, topic.clone(), from).await?
            }
            Some(count) => {
                // Opened first, so that a message which arrives in between is not missed.
                let next = bus::Peek::open(transport, topic.clone(), StartPosition::Latest).await?;
                let want =
                    |stored: &StoredMessage| next.is_before(stored.position) && is_wanted(args, stored);
                let last = bus::Peek::last(transport, topic.clone(), count, want).await?;
                self.print_all(transport, &topic, last).await?;
                if !args.follow {
                    self.finish(&topic);
                    return Ok(());
                }
                next
            }
        };
        while !self.is_done() {
            let mut messages = peek.read().await?;
            if messages.is_empty() {
                if !args.follow {
                    break;
                }
                tokio::time::sleep(FOLLOW).await;
                continue;
            }
            messages.retain(|stored| is_wanted(args, stored));
            self.print_all(transport, &topic, messages).await?;
        }
        self.finish(&topic);
        Ok(())
    }

    async fn print_all(
        &mut self,
        transport: &dyn Transport,
        topic: &Topic,
        messages: Vec<StoredMessage>,
    ) -> Result<(), Failure> {
        for stored in messages {
            if self.is_done() {
                break;
            }
            self.renderer.fetch_schema(transport, topic, &stored.message).await;
            output::rendered(self.context.json(), &self.renderer.stored(stored))?;
            self.count += 1;
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.args.max.is_some_and(|max| self.count >= max)
    }

    fn finish(&self, topic: &Topic) {
        if self.count == 0 && !self.context.json() {
            output::eprint(format_args!("no matching messages in topic `{topic}`"));
        }
    }
}

/// Whether a message satisfies `--type` and `--key`.
fn is_wanted(args: &Peek, stored: &StoredMessage) -> bool {
    let message = &stored.message;
    let has_type = |wanted: &String| Envelope::event_type_of(message) == Some(wanted);
    let has_key = |wanted: &String| message.key.as_deref() == Some(wanted.as_bytes());
    args.event_type.as_ref().is_none_or(has_type) && args.key.as_ref().is_none_or(has_key)
}

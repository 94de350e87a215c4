//! A member of `billing` on `orders` that rejects all messages, for a test that kills it.
//!
//! ```text
//! redis_rejecter URL
//! ```

use std::time::Duration;

use events_server_tests::orders::{billing, transport};

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = std::env::args().nth(1).ok_or("usage: redis_rejecter URL")?;
    let transport = transport(&url);
    let mut member = transport.consumer(billing().lease(Duration::from_millis(500))).await?;
    loop {
        let mut rejections = Vec::new();
        for delivery in member.receive(20, Duration::from_secs(1)).await? {
            rejections.push(tokio::spawn(delivery.reject("nobody wants it")));
        }
        for rejection in rejections {
            rejection.await??;
        }
    }
}

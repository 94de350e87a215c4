//! The mode and size of a SQLite bus's files.

use events_runtime::transport::{ConnectOptions, Message, Transport, connect};
use events_tests::conformance::{ack, member, receive, send};

fn open(path: &std::path::Path, query: &str) -> Box<dyn Transport> {
    connect(&format!("sqlite://{}{query}", path.display()), &ConnectOptions::new()).expect("the file opens")
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_database_and_its_side_files_are_private_unless_configured_otherwise() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, query, expected) in [("a.db", "", 0o600), ("b.db", "?mode=0640", 0o640)] {
        let path = folder.path().join(name);
        let transport = open(&path, query);
        send(&*transport, &[Message::new("personal data")]).await;
        for file in [name.to_owned(), format!("{name}-wal"), format!("{name}-shm")] {
            let mode =
                std::fs::metadata(folder.path().join(&file)).expect("it is there").permissions().mode();
            // The umask may be stricter for the group.
            assert_eq!(mode & 0o777 & !0o040, expected & !0o040, "{file}");
        }
    }
    let path = folder.path().join("there.db");
    std::fs::write(&path, "").expect("a file is made");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o664)).expect("its mode is set");
    drop(open(&path, ""));
    let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o664, "an existing file keeps its mode");
    for wrong in ["?mode=600x", "?mode=0400", "?mode=7777"] {
        let url = format!("sqlite://{}{wrong}", folder.path().join("c.db").display());
        assert!(connect(&url, &ConnectOptions::new()).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn space_freed_by_retention_is_returned_to_the_disk() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("events.db");
    let transport = open(&path, "?retention_count=0&synchronous=off");
    let mut consumer = member(&*transport, "billing").await;
    let large: Vec<_> = (0..200).map(|_| Message::new(vec![7; 100_000])).collect();
    send(&*transport, &large).await;
    ack(receive(&mut *consumer, 200).await).await;
    let pages = |pragma: &str| -> i64 {
        let conn = rusqlite::Connection::open(&path).expect("the file opens");
        conn.pragma_query_value(None, pragma, |row| row.get(0)).expect("a number")
    };
    let before = pages("page_count");
    transport.trim().await.expect("the store is trimmed");
    let after = pages("page_count");
    assert!(after < before / 2, "{after} of {before} pages are left");
    transport.check().await.expect("the file is sound");
}

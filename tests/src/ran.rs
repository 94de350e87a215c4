//! A program that ran to its end.

use std::process::{Command, Output, Stdio};

/// What a program said, and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; -1 where a signal ended it.
    pub code: i32,
    /// What it printed.
    pub out: String,
    /// What it complained of.
    pub err: String,
}

impl Ran {
    /// Runs a program that is given nothing to read.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn of(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).output().expect("the program starts").into()
    }

    /// What it printed, where it succeeded and complained of nothing.
    ///
    /// # Panics
    /// When it did not.
    #[must_use]
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("it prints text");
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

//! The output of a program that has exited.

use std::process::{Command, Output, Stdio};

/// Output and exit code of a program.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; -1 if a signal killed the program.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// Runs a program with empty input.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn of(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).output().expect("the program starts").into()
    }

    /// The standard output of a program that succeeded without printing an error.
    ///
    /// # Panics
    /// If it failed or printed an error.
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

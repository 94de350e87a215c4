//! The modules that `tests/interop/imported.py` writes to the folder `IMPORTED`.
//!
//! Imported modules compile without warnings.
#![deny(warnings)]

use events_runtime::EventData;
use events_runtime::avro::Schema;
use events_runtime::private::{Form, length, write};

include!(concat!(env!("IMPORTED"), "/modules.rs"));

macro_rules! roots {
    ($($file:literal: $root:path;)*) => {
        /// The canonical form of each root, by the name of its file. Not all of them are events.
        pub const ROOTS: &[(&str, &[u8])] = &[$(($file, {
            const SCHEMA: &Schema = <$root as EventData>::SCHEMA;
            const TEXT: [u8; length(SCHEMA, Form::Canonical)] = write(SCHEMA, Form::Canonical);
            &TEXT
        })),*];
    };
}

include!(concat!(env!("IMPORTED"), "/roots.rs"));

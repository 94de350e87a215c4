//! The macro that names crates so that they are linked.

/// Links crates whose events or receivers the program needs, but which it does not name in code otherwise.
///
/// Cargo builds every dependency, but the compiler leaves out a crate that is not named in code, with its
/// definitions and receivers. Call the macro in the program's `main.rs` or the crate's `lib.rs`:
///
/// ```
/// # extern crate std as my_events;
/// # extern crate core as my_receivers;
/// events_runtime::link!(my_events, my_receivers);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! link {
    ($($krate:ident),+ $(,)?) => {
        const _: () = {
            $(
                #[allow(unused_imports)]
                use $krate as _;
            )+
        };
    };
}

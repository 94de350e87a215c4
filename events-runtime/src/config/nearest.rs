//! "Did you mean …?"

/// The candidate that `name` was probably meant to be.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let longest = name.chars().count().max(3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        // A third of the letters wrong is no slip of the finger any more.
        .filter(|(distance, _)| *distance * 3 <= longest)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_found_and_a_stranger_is_not() {
        let keys = ["url", "linger", "batch_size"];
        assert_eq!(nearest("ulr", keys), Some("url"));
        assert_eq!(nearest("batchsize", keys), Some("batch_size"));
        assert_eq!(nearest("colour", keys), None);
    }
}

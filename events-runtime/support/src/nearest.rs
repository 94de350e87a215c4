//! Similar names, for "did you mean …?".

/// The candidate most similar to `name`, if one is similar enough.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    similar(name, candidates).first().copied()
}

/// The candidates similar to `name`, most similar first.
pub fn similar<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let longest = name.chars().count().max(3);
    let distances = candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        // More than a third of the characters differ: not a typo.
        .filter(|(distance, _)| *distance * 3 <= longest);
    let mut similar: Vec<_> = distances.collect();
    similar.sort_by_key(|(distance, _)| *distance);
    similar.into_iter().map(|(_, candidate)| candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::{nearest, similar};

    #[test]
    fn a_typo_is_found_and_another_word_is_not() {
        let keys = ["url", "linger", "batch_size"];
        assert_eq!(nearest("ulr", keys), Some("url"));
        assert_eq!(nearest("batchsize", keys), Some("batch_size"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(
            similar("orders", ["order_s", "mail", "orders2x", "ordres"]),
            ["order_s", "ordres", "orders2x"]
        );
    }
}

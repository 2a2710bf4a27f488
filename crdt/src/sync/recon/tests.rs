//! What two sets cost to be told apart, and what a peer that lies can do.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn key(n: u64) -> Key {
    *blake3::hash(&n.to_le_bytes()).as_bytes()
}

fn keys(range: std::ops::Range<u64>) -> Vec<Key> {
    range.map(key).collect()
}

/// What differs, and how many symbols and frames it took.
fn reconcile(
    theirs: Vec<Key>,
    ours: Vec<Key>,
    salt: Salt,
) -> Result<(Difference, u64, usize), ReconError> {
    let mut sketch = Sketch::of(theirs, salt);
    let mut decoder = Decoder::of(ours, sketch.len(), salt);
    let (mut wanted, mut frames) = (Decoder::first(), 0);
    loop {
        frames += 1;
        let bytes = Symbol::write(&sketch.symbols(wanted));
        match decoder.take(&Symbol::read(&bytes)?)? {
            Progress::Wants(more) => wanted = more,
            Progress::Done(difference) => return Ok((difference, decoder.heard(), frames)),
        }
    }
}

#[test]
fn equal_sets_cost_one_frame_of_less_than_200_bytes() {
    for size in [0, 1, 100, 6_000] {
        let (difference, symbols, frames) =
            reconcile(keys(0..size), keys(0..size), Salt([7; 16])).unwrap();
        assert!(difference.is_empty());
        assert_eq!((symbols, frames), (4, 1));
    }
    let bytes = Symbol::write(&Sketch::of(keys(0..6_000), Salt::default()).symbols(4));
    assert!(bytes.len() < 200, "{}", bytes.len());
}

#[test]
fn what_differs_costs_about_two_symbols_each_however_large_the_sets_are() {
    for (size, differing) in [(6_000, 1), (6_000, 10), (6_000, 100), (5_000, 1_000)] {
        let (mut total, runs) = (0, 4);
        for salt in 0..runs {
            let theirs = keys(0..size);
            let ours = keys(differing..size + differing);
            let (difference, symbols, _) = reconcile(theirs, ours, Salt([salt; 16])).unwrap();
            assert_eq!(difference.theirs.len() as u64, differing);
            assert_eq!(difference.ours.len() as u64, differing);
            total += symbols;
        }
        let each = total / u64::from(runs);
        assert!(each <= 2 * 2 * differing + 12, "{differing}: {each}");
    }
}

#[test]
fn a_set_that_lost_everything_is_told_in_few_frames() {
    let (difference, symbols, frames) =
        reconcile(keys(0..4_000), Vec::new(), Salt([1; 16])).unwrap();
    assert_eq!(difference.theirs, keys(0..4_000).into_iter().collect());
    assert!(symbols <= 8_000 && frames <= 4, "{symbols} {frames}");
}

#[test]
fn the_symbols_of_a_set_are_for_ever_the_same() {
    let symbols = Sketch::of(keys(0..1_000), Salt([9; 16])).symbols(300);
    let hash = blake3::hash(&Symbol::write(&symbols)).to_hex();
    assert_eq!(&hash[..16], "1b3c655d4b02990e");
}

#[test]
fn symbols_of_no_set_end_with_a_reason_and_within_the_limit() {
    let salt = Salt([3; 16]);
    let mut decoder = Decoder::of(keys(0..50), 50, salt);
    let (mut heard, mut wanted) = (0, Decoder::first());
    let error = loop {
        // sums that never hold a single key
        let symbol = |n| Symbol {
            key: key(n),
            check: n,
            count: 5,
        };
        let symbols: Vec<Symbol> = (heard..heard + wanted as u64).map(symbol).collect();
        heard += wanted as u64;
        match decoder.take(&symbols) {
            Ok(Progress::Wants(more)) => wanted = more,
            Ok(Progress::Done(difference)) => panic!("{difference:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error, ReconError::Endless);
    assert!(heard <= 2 * 100 + 64, "{heard}");
}

#[test]
fn a_peer_that_claims_any_size_makes_us_hold_no_more_than_the_limit() {
    let mut decoder = Decoder::of(Vec::new(), u64::MAX, Salt::default());
    let junk = Symbol {
        key: key(1),
        check: 1,
        count: 2,
    };
    let junk = vec![junk; MOST_AT_ONCE];
    while decoder.take(&junk).is_ok() {}
    assert_eq!(decoder.heard(), MOST_SYMBOLS);
}

#[test]
fn a_key_of_ours_that_the_peer_claims_to_have_alone_is_a_contradiction() {
    let salt = Salt([3; 16]);
    let mut twice = Sketch::of(keys(0..3), salt);
    let mut symbols = twice.symbols(4);
    // as if the peer had key 0 once more than we
    let again = Sketch::of(keys(0..1), salt).symbols(4);
    for (symbol, extra) in symbols.iter_mut().zip(&again) {
        symbol.check ^= extra.check;
        symbol.count += extra.count;
        symbol
            .key
            .iter_mut()
            .zip(extra.key)
            .for_each(|(a, b)| *a ^= b);
    }
    let mut decoder = Decoder::of(keys(0..3), 4, salt);
    assert_eq!(decoder.take(&symbols), Err(ReconError::Contradiction));
}

#[test]
fn keys_made_for_one_salt_mean_nothing_under_another() {
    // 64 keys that all leave the first 40 symbols but number 0: under their salt they hide
    // behind each other there
    let salt = Salt([1; 16]);
    let lonely = |n: &u64| {
        let mut one = Sketch::of(vec![key(*n)], salt);
        one.symbols(41)[1..].iter().all(Symbol::is_empty)
    };
    let crafted: Vec<Key> = (0..200_000_u64).filter(lonely).take(64).map(key).collect();
    assert_eq!(crafted.len(), 64);
    let symbols = |salt| reconcile(crafted.clone(), Vec::new(), salt).unwrap().1;
    let mean = (2..6).map(|n| symbols(Salt([n; 16]))).sum::<u64>() / 4;
    assert!(mean <= 160, "{mean}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_two_sets_are_told_apart_within_the_limit(
        shared in 0..400_u64, only_theirs in 0..120_u64, only_ours in 0..120_u64, salt in any::<[u8; 16]>(),
    ) {
        let theirs = keys(0..shared + only_theirs);
        let mut ours = keys(0..shared);
        ours.extend(keys(1_000_000..1_000_000 + only_ours));
        let (difference, symbols, _) = reconcile(theirs.clone(), ours.clone(), Salt(salt)).unwrap();
        let (a, b): (BTreeSet<Key>, BTreeSet<Key>) = (theirs.into_iter().collect(), ours.into_iter().collect());
        prop_assert_eq!(&difference.theirs, &(&a - &b));
        prop_assert_eq!(&difference.ours, &(&b - &a));
        prop_assert!(symbols <= 3 * (only_theirs + only_ours) + 64);
    }

    #[test]
    fn symbols_are_read_back_and_damaged_ones_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400), salt in any::<[u8; 16]>(),
    ) {
        let symbols = Sketch::of(keys(0..20), Salt(salt)).symbols(9);
        prop_assert_eq!(Symbol::read(&Symbol::write(&symbols)), Ok(symbols));
        if let Ok(symbols) = Symbol::read(&bytes) {
            let mut decoder = Decoder::of(keys(0..5), 5, Salt(salt));
            let _ = decoder.take(&symbols);
        }
    }
}

//! The short code that a person reads on one device and types on the other:
//! `4821-crater-lemon-orbit-pilot`.
//!
//! The number (the nameplate) only helps to find the right device and is no secret. The
//! four words are: 2048⁴ = 2⁴⁴ codes against three tries is one chance in 2⁴².

use std::fmt;

use bip39::Language;
use rand::Rng;
use zeroize::Zeroizing;

use super::invitation::Beacon;

/// Words in a code; see the module for why four.
pub const WORDS: usize = 4;
/// A code as typed may be this long; longer text is not looked at.
const LONGEST: usize = 200;

/// The number in front of a code. Not secret: it is announced on the local network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nameplate(pub u16);

impl Nameplate {
    /// Four digits, none of them a leading zero that somebody would leave out.
    const RANGE: std::ops::RangeInclusive<u16> = 1000..=9999;
    /// Stands for the offer's QR code.
    pub(super) const TICKET: Self = Self(0);

    /// What a joiner by a code of this number is known by in the local network.
    pub(super) fn beacon(self) -> Beacon {
        let number = self.0.to_be_bytes();
        Beacon(blake3::derive_key(
            "pimesh mdns joining by code v1",
            &number,
        ))
    }
}

/// A pairing code. Not shown by `Debug`; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    nameplate: Nameplate,
    text: Zeroizing<String>,
}

/// Why a typed code is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// No code begins like this.
    #[error("a code begins with a number of four digits, as in 4821-crater-lemon-orbit-pilot")]
    NoNumber,
    /// Too few or too many words.
    #[error("a code has {WORDS} words after the number, this has {found}")]
    WordCount {
        /// How many there are.
        found: usize,
    },
    /// A word that no code contains: a typing error.
    #[error("`{word}` is not in the word list; did you mean `{nearest}`?")]
    UnknownWord {
        /// The word as typed.
        word: String,
        /// The word in the list that differs least.
        nearest: &'static str,
    },
    /// Far longer than any code.
    #[error("that is too long for a code")]
    TooLong,
}

impl Code {
    /// A new code.
    pub fn random(rng: &mut impl Rng) -> Self {
        let list = Language::English.word_list();
        let words: [&str; WORDS] = std::array::from_fn(|_| list[rng.random_range(0..list.len())]);
        Self::from_parts(Nameplate(rng.random_range(Nameplate::RANGE)), &words)
    }

    /// Reads a code as people type it: any case, with spaces, dashes, dots or commas.
    pub fn parse(typed: &str) -> Result<Self, CodeError> {
        if typed.len() > LONGEST {
            return Err(CodeError::TooLong);
        }
        let lower = Zeroizing::new(typed.to_lowercase());
        let mut parts = lower
            .split(|c: char| !c.is_alphanumeric())
            .filter(|part| !part.is_empty());
        let number = parts
            .next()
            .filter(|part| part.len() == 4)
            .and_then(|part| part.parse().ok());
        let number = number
            .filter(|n| Nameplate::RANGE.contains(n))
            .ok_or(CodeError::NoNumber)?;
        let words = parts.map(known_word).collect::<Result<Vec<_>, _>>()?;
        if words.len() != WORDS {
            return Err(CodeError::WordCount { found: words.len() });
        }
        Ok(Self::from_parts(Nameplate(number), &words))
    }

    /// The number in front.
    pub fn nameplate(&self) -> Nameplate {
        self.nameplate
    }

    /// The code as it is shown. A secret while the offer is open.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the PAKE takes.
    pub(super) fn password(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.text.as_bytes().to_vec())
    }

    fn from_parts(nameplate: Nameplate, words: &[&str]) -> Self {
        let text = Zeroizing::new(format!("{}-{}", nameplate.0, words.join("-")));
        Self { nameplate, text }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({}-…)", self.nameplate.0)
    }
}

fn known_word(word: &str) -> Result<&'static str, CodeError> {
    let list = Language::English.word_list();
    if let Ok(index) = list.binary_search(&word) {
        return Ok(list[index]);
    }
    let nearest = list
        .iter()
        .min_by_key(|known| distance(word, known))
        .copied()
        .unwrap_or_default();
    Err(CodeError::UnknownWord {
        word: word.to_owned(),
        nearest,
    })
}

/// How many letters must be changed, added, left out, or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = changed.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn every_code_is_read_back_however_it_is_typed() {
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..200 {
            let code = Code::random(&mut rng);
            let typed = format!("  {}. ", code.text().to_uppercase().replace('-', " – "));
            assert_eq!(Code::parse(code.text()), Ok(code.clone()));
            assert_eq!(Code::parse(&typed), Ok(code));
        }
    }

    #[test]
    fn a_typing_error_is_named_with_the_nearest_word() {
        let error = |typed| Code::parse(typed).unwrap_err();
        let unknown = |word: &str, nearest| CodeError::UnknownWord {
            word: word.to_owned(),
            nearest,
        };
        assert_eq!(
            error("4821 crater lemno orbit pilot"),
            unknown("lemno", "lemon")
        );
        assert_eq!(
            error("4821 crater lemon orbti pilot"),
            unknown("orbti", "orbit")
        );
        assert_eq!(
            error("4821 crater lemon orbit"),
            CodeError::WordCount { found: 3 }
        );
        assert_eq!(error("crater lemon orbit"), CodeError::NoNumber);
        assert_eq!(error("482 crater lemon orbit"), CodeError::NoNumber);
        assert_eq!(error(""), CodeError::NoNumber);
        assert_eq!(error(&"a".repeat(100_000)), CodeError::TooLong);
    }

    #[test]
    fn three_tries_find_a_code_once_in_two_to_the_42nd_times() {
        let codes = (Language::English.word_list().len() as f64).powi(WORDS as i32);
        assert!(f64::from(super::super::offer::TRIES) / codes <= (0.5_f64).powi(42));
    }

    #[test]
    fn the_words_of_a_code_are_not_in_its_debug_form() {
        let code = Code::parse("4821-crater-lemon-orbit-pilot").unwrap();
        assert_eq!(format!("{code:?}"), "Code(4821-…)");
    }
}

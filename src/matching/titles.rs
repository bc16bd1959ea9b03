//! Whether two titles are the same one, written differently.
//! Knows nothing of where they come from.
#![forbid(unsafe_code)]

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// A title as Trakt has it, its letters composed (NFC).
pub fn composed(title: &str) -> Cow<'_, str> {
    match is_nfc(title) {
        true => Cow::Borrowed(title),
        false => Cow::Owned(title.nfc().collect()),
    }
}

/// A title without what people and files leave out: capitals, accents, punctuation, `&` for and, articles in front,
/// Roman numbers for others.
pub fn plain(title: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    // Decomposed, accents stand behind their letters and go; what is left is composed again, for other marks make other letters.
    let small = title.chars().flat_map(char::to_lowercase);
    for letter in small.nfd().filter(|letter| !is_mark(*letter)).nfc() {
        match letter {
            '\'' | '’' | '`' | '´' => {}
            '&' => {
                words.push(std::mem::take(&mut word));
                words.push("and".into());
            }
            letter if letter.is_alphanumeric() => word.push_str(base(letter).unwrap_or("\u{0}")),
            _ => words.push(std::mem::take(&mut word)),
        }
        if word.ends_with('\u{0}') {
            word.pop();
            word.push(letter);
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    let article = |word: &String| matches!(word.as_str(), "the" | "a" | "an");
    if words.len() > 1 && words.first().is_some_and(article) {
        words.remove(0);
    }
    for word in words.iter_mut().skip(1) {
        if let Some(number) = roman(word) {
            *word = number.into();
        }
    }
    words.concat()
}

/// The number of a part, as in `Rocky IV`; a lone `i` is a word.
fn roman(word: &str) -> Option<&'static str> {
    let numbers = ["ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"];
    let digits = ["2", "3", "4", "5", "6", "7", "8", "9", "10"];
    let at = numbers.iter().position(|number| *number == word)?;
    digits.get(at).copied()
}

/// Whether both are one title; titles without any letter or digit are never the same.
pub fn same(one: &str, other: &str) -> bool {
    let one = plain(one);
    !one.is_empty() && one == plain(other)
}

/// A title and the year behind it, as in `House of Cards (2013)`.
pub fn split_year(title: &str) -> (&str, Option<u16>) {
    let split = || {
        let (name, year) = title.trim_end().strip_suffix(')')?.rsplit_once('(')?;
        let year: u16 = year
            .parse()
            .ok()
            .filter(|year| (1870..=2200).contains(year))?;
        let name = name.trim_end();
        (!name.is_empty()).then_some((name, Some(year)))
    };
    split().unwrap_or((title, None))
}

/// A title without the note in brackets behind it, as in `Parasite (Gisaengchung)`; up to three letters name a country and are
/// part of it: `The Office (US)`.
pub fn without_note(title: &str) -> Option<&str> {
    let (name, note) = title.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    let name = name.trim_end();
    (!plain(name).is_empty() && composed(note).chars().count() > 3).then_some(name)
}

/// Accents that stand on their own, behind their letter.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}')
}

/// What people type instead of letters that don't decompose; none for what is its own base.
fn base(letter: char) -> Option<&'static str> {
    Some(match letter {
        'æ' => "ae",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ŀ' | 'ł' => "l",
        'ø' => "o",
        'œ' => "oe",
        'ß' => "ss",
        'ŧ' => "t",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn titles_are_the_same_however_they_are_written() {
        for (one, other) in [
            ("Amélie", "amelie"),
            ("The Matrix", "Matrix"),
            ("Tom & Jerry", "Tom and Jerry"),
            ("Schindler's List", "Schindlers List"),
            ("Mission: Impossible", "Mission Impossible"),
            ("Se7en", "SE7EN"),
            ("WALL·E", "WALL-E"),
            ("Léon", "Le\u{301}on"),
            ("Straße", "Strasse"),
            ("Брат", "брат"),
            ("Ёлки", "Елки"),
            ("Мой", "Мои\u{306}"),
            ("Rocky IV", "Rocky 4"),
            ("Star Wars: Episode V", "Star Wars Episode 5"),
            ("千と千尋の神隠し", "千と千尋の神隠し"),
            // As macOS has them: jamo, kana with their marks apart, two accents on one letter.
            (
                "기생충",
                "\u{1100}\u{1175}\u{1109}\u{1162}\u{11bc}\u{110e}\u{116e}\u{11bc}",
            ),
            ("ワンピース", "ワンヒ\u{309a}ース"),
            ("がんばれ", "か\u{3099}んは\u{3099}れ"),
            (
                "Tiệc trăng máu",
                "Tie\u{323}\u{302}c tra\u{306}ng ma\u{301}u",
            ),
            ("Tiệc trăng máu", "Tiec trang mau"),
            ("Łódź", "Lodz"),
            ("Þáttur", "Þattur"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("Heat", "Heat 2"),
            ("Alien", "Aliens"),
            ("Rocky IV", "Rocky V"),
            ("かき", "がぎ"),
            ("ハハ", "パパ"),
            ("V", "5"),
            ("...", "---"),
            ("The", "A"),
            ("", ""),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_year_behind_a_title_is_no_part_of_it() {
        assert_eq!(
            split_year("House of Cards (2013)"),
            ("House of Cards", Some(2013))
        );
        for plain in [
            "1917",
            "(500) Days of Summer",
            "(2013)",
            "Area (51)",
            "Heat (1995) x",
        ] {
            assert_eq!(split_year(plain), (plain, None));
        }
    }

    #[test]
    fn a_note_behind_a_title_may_be_left_out() {
        for (title, name) in [
            ("Parasite (Gisaengchung)", Some("Parasite")),
            ("Money Heist (La Casa de Papel) ", Some("Money Heist")),
            ("The Office (US)", None),
            ("Oldboy (올드보이)", Some("Oldboy")),
            ("(500) Days of Summer", None),
            ("(Parasite)", None),
            ("Heat", None),
        ] {
            assert_eq!(without_note(title), name, "{title}");
        }
    }

    #[test]
    fn titles_are_composed_as_trakt_has_them() {
        for (decomposed, title) in [
            ("か\u{3099}んは\u{3099}れ", "がんばれ"),
            ("Ame\u{301}lie", "Amélie"),
            ("Heat", "Heat"),
        ] {
            assert_eq!(composed(decomposed), title);
            assert_eq!(composed(title), title);
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_plain_form_that_stays(text in ".{0,200}") {
            let once = plain(&text);
            prop_assert_eq!(same(&text, &text), !once.is_empty());
            let _ = split_year(&text);
        }
    }
}

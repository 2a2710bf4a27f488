//! The text of a [`Ticket`](super::Ticket) as a QR code, for terminals and for apps.

use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode};

/// The narrowest that cameras read from a screen, in the units of the SVG.
const SMALLEST: u32 = 240;

/// As text for a terminal: two modules a character, dark on light where the terminal is light on
/// dark. Nothing for a text that is too long for a QR code.
pub fn terminal(text: &str) -> Option<String> {
    let drawn = code(text)?
        .render::<unicode::Dense1x2>()
        .dark_color(unicode::Dense1x2::Light)
        .light_color(unicode::Dense1x2::Dark)
        .build();
    Some(drawn)
}

/// As an SVG image. Nothing for a text that is too long for a QR code.
pub fn svg(text: &str) -> Option<String> {
    let drawn = code(text)?
        .render::<svg::Color<'_>>()
        .min_dimensions(SMALLEST, SMALLEST)
        .build();
    Some(drawn)
}

fn code(text: &str) -> Option<QrCode> {
    QrCode::with_error_correction_level(text, EcLevel::L).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_fits_a_terminal_of_eighty_columns_and_an_image() {
        let text = format!("PIMESH:{}", "A".repeat(240));
        let drawn = terminal(&text).unwrap();
        assert!(drawn.lines().all(|line| line.chars().count() < 80));
        assert!(drawn.lines().count() < 40);
        assert!(svg(&text).unwrap().starts_with("<?xml"));
    }

    #[test]
    fn what_no_qr_code_can_hold_is_not_drawn() {
        assert_eq!(svg(&"A".repeat(10_000)), None);
        assert_eq!(terminal(&"A".repeat(10_000)), None);
    }
}

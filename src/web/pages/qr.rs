//! A QR code as a picture: an SVG of our own, which holds no style and no script, in the page that shows it. So the secret in it
//! stands in no address.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qrcodegen::{QrCode, QrCodeEcc};

use crate::base::Secret;

/// The modules around it that stay light (ISO/IEC 18004 wants four).
const QUIET: i32 = 4;

/// The text as the address of a picture; nothing if it is too long for one.
pub fn picture(text: &Secret<String>) -> Option<String> {
    let code = QrCode::encode_text(text.expose(), QrCodeEcc::Medium).ok()?;
    let side = code.size() + 2 * QUIET;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let dark = (x..code.size()).find(|x| !code.get_module(*x, y)).unwrap_or(code.size()) - x;
            if dark > 0 {
                path.push_str(&format!("M{} {}h{dark}v1h-{dark}z", x + QUIET, y + QUIET));
            }
            x += dark + 1;
        }
    }
    // Dark on light in every colour scheme, or some cameras read nothing.
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
    );
    Some(format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an authenticator app scans is there, and nothing of it can be read in the address without looking at the picture.
    #[test]
    fn pictures() {
        let address = picture(&Secret::new("otpauth://totp/a?secret=GEZDGNBV".to_owned())).unwrap();
        let svg = String::from_utf8(STANDARD.decode(address.split(',').nth(1).unwrap()).unwrap()).unwrap();
        assert!(svg.starts_with("<svg ") && svg.contains("M4 4h7v1h-7z") && !svg.contains("style"), "{svg:.80}");
        assert!(picture(&Secret::new("x".repeat(10_000))).is_none());
    }
}

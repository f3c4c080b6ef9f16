//! The picture of an app, checked before it is served from our own origin (decision 16): a PNG, JPEG or WebP by its own
//! bytes, whole, and of a size that a page can show.

use crate::base::{base64url, sha256};

/// The most bytes of a picture.
const MOST_BYTES: usize = 256 * 1024;

/// The longest side, in pixels.
const LONGEST_SIDE: u32 = 2048;

/// A picture that may be stored, with the digest that names it.
#[derive(Clone, Debug)]
pub struct Logo {
    pub media_type: &'static str,
    /// The picture itself as base64url.
    pub image: String,
    pub digest: String,
}

/// Reads width and height of one kind of picture; `None` if it is not that kind.
type Measure = fn(&[u8]) -> Option<(u32, u32)>;

/// # Errors
/// What is wrong with the picture.
pub fn check(bytes: &[u8]) -> Result<Logo, &'static str> {
    if bytes.len() > MOST_BYTES {
        return Err("must not be larger than 256 KiB");
    }
    let kinds: [(&'static str, Measure); 3] = [("image/png", png), ("image/jpeg", jpeg), ("image/webp", webp)];
    let found = kinds.into_iter().find_map(|(media_type, size)| size(bytes).map(|size| (media_type, size)));
    let Some((media_type, (width, height))) = found else { return Err("must be a whole PNG, JPEG or WebP picture") };
    if !(1..=LONGEST_SIDE).contains(&width) || !(1..=LONGEST_SIDE).contains(&height) {
        return Err("must have sides of 1 to 2048 pixels");
    }
    Ok(Logo { media_type, image: base64url(bytes), digest: base64url(&sha256(bytes)) })
}

fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    take(bytes, at).map(u16::from_be_bytes).map(u32::from)
}

fn le16(bytes: &[u8], at: usize) -> Option<u32> {
    take(bytes, at).map(u16::from_le_bytes).map(u32::from)
}

/// Width and height of a PNG (section 5 of its specification): signature, header chunk first, end chunk last.
fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    let is_png = bytes.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") && bytes.ends_with(b"\0\0\0\0IEND\xaeB`\x82");
    let size = || Some((u32::from_be_bytes(take(bytes, 16)?), u32::from_be_bytes(take(bytes, 20)?)));
    if is_png { size() } else { None }
}

/// Width and height of a JPEG: walks the segments to the frame header.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    if !bytes.starts_with(b"\xff\xd8\xff") || !bytes.ends_with(b"\xff\xd9") {
        return None;
    }
    let mut at = 2_usize;
    loop {
        let [mark, kind] = take(bytes, at)?;
        match (mark, kind) {
            (0xff, 0xff) => at = at.checked_add(1)?,
            (0xff, 0xc0..=0xcf) if !matches!(kind, 0xc4 | 0xc8 | 0xcc) => {
                return Some((be16(bytes, at.checked_add(7)?)?, be16(bytes, at.checked_add(5)?)?));
            }
            (0xff, 0xc4 | 0xc8 | 0xcc | 0xdb..=0xfe) => {
                let length = usize::try_from(be16(bytes, at.checked_add(2)?)?).ok()?;
                at = at.checked_add(2)?.checked_add(length.max(2))?;
            }
            _ => return None,
        }
    }
}

/// Width and height of a WebP (RFC 9649): simple, lossless or extended.
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    let length = usize::try_from(u32::from_le_bytes(take(bytes, 4)?)).ok()?;
    let is_whole = bytes.len() == length.checked_add(8)?.next_multiple_of(2) || bytes.len() == length.checked_add(8)?;
    if !bytes.starts_with(b"RIFF") || take(bytes, 8)? != *b"WEBP" || !is_whole {
        return None;
    }
    let three = |at| take(bytes, at).map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]));
    match &take::<4>(bytes, 12)? {
        b"VP8X" => Some((three(24)?.checked_add(1)?, three(27)?.checked_add(1)?)),
        b"VP8L" => {
            let [mark, a, b, c, d] = take(bytes, 20)?;
            let packed = u32::from_le_bytes([a, b, c, d]);
            (mark == 0x2f).then_some(((packed & 0x3fff) + 1, (packed >> 14 & 0x3fff) + 1))
        }
        b"VP8 " => {
            let is_key_frame = take(bytes, 23)? == *b"\x9d\x01\x2a";
            if is_key_frame { Some((le16(bytes, 26)? & 0x3fff, le16(bytes, 28)? & 0x3fff)) } else { None }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let (width, height) = (width.to_be_bytes(), height.to_be_bytes());
        [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &width, &height, b"\x08\x06\0\0\0....\0\0\0\0IEND\xaeB`\x82"].concat()
    }

    /// Decision 16: what a picture is stands in its bytes; a script that calls itself one is refused.
    #[test]
    fn pictures() {
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x0b\x08\0\x20\0\x40\x01\x01\x11\0\xff\xd9".to_vec();
        let lossless = b"RIFF\x12\0\0\0WEBPVP8L\x05\0\0\0\x2f\x3f\xc0\x07\0\0".to_vec();
        for (bytes, kind) in [(png_of(64, 32), "image/png"), (jpeg.clone(), "image/jpeg"), (lossless, "image/webp")] {
            assert_eq!(check(&bytes).map(|logo| logo.media_type), Ok(kind));
        }
        assert_eq!(super::jpeg(&jpeg), Some((64, 32)));
        for bad in [
            vec![],
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec(),
            b"GIF89a".to_vec(),
            png_of(0, 1),
            png_of(2049, 1),
            png_of(1, 1)[..30].to_vec(),
            jpeg[..jpeg.len() - 2].to_vec(),
            [png_of(1, 1), vec![0; MOST_BYTES]].concat(),
            b"\xff\xd8\xff\xe0\xff\xffab\xff\xd9".to_vec(),
            b"RIFF\xff\xff\xff\xffWEBPVP8X".to_vec(),
        ] {
            assert!(check(&bad).is_err(), "{bad:?}");
        }
    }
}

//! Pictures from disk, in the form in which a model is shown them.
//!
//! What a provider cannot read would fail every request of the thread from then on, since the picture stays in its
//! history; so a picture is decoded before it is sent. What is larger than models look at is made smaller: it would only
//! cost bandwidth, and room in the history.

use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};

/// The longest side that a model is shown, in pixels. Source: measured on the protocol's other server.
const MAX_SIDE: u32 = 2048;

/// The largest file, in bytes: what providers take in one request, with room for the rest of it.
const MAX_BYTES: u64 = 20 << 20;

/// What a picture may take in memory once it is decoded, in bytes. A small file may claim to be endless.
const MAX_DECODED: u64 = 512 << 20;

/// Of a photograph that is made smaller; a hundred would be without loss.
const JPEG_QUALITY: u8 = 85;

/// How large a model gets a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// At most 2048 pixels on each side.
    Shown,
    /// As it is.
    Original,
}

/// Why a picture cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    #[error("it is not a file")]
    NotAFile,
    #[error("it has {0} bytes, more than the {MAX_BYTES} allowed; a smaller copy would do")]
    TooLarge(u64),
    #[error("it is not a PNG, JPEG, GIF or WebP image")]
    OtherKind,
    #[error("it is damaged, or too large: {0}")]
    Damaged(#[from] image::ImageError),
    /// The decoder gave up in a way that it should not, or the server ends.
    #[error("it could not be decoded")]
    Undecoded,
}

/// Reads a picture and gives it as a `data:` URL, by its content whatever its name. Some ten milliseconds a megapixel.
///
/// # Errors
/// [`ImageError`], to stand after the path.
///
/// # Cancel safety
/// Cancel safe: what has begun is read to its end and dropped.
pub async fn load(path: PathBuf, scale: Scale) -> Result<String, ImageError> {
    let reading = tokio::task::spawn_blocking(move || read(&path, scale));
    reading.await.unwrap_or(Err(ImageError::Undecoded))
}

fn read(path: &Path, scale: Scale) -> Result<String, ImageError> {
    let meta = fs::metadata(path)?;
    // A pipe might never end, and a device has no end.
    if !meta.is_file() {
        return Err(ImageError::NotAFile);
    }
    if meta.len() > MAX_BYTES {
        return Err(ImageError::TooLarge(meta.len()));
    }
    let bytes = fs::read(path)?;
    let format = image::guess_format(&bytes).map_err(|_| ImageError::OtherKind)?;
    let kind = match format {
        ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Gif | ImageFormat::WebP => format,
        _ => return Err(ImageError::OtherKind),
    };
    let picture = decode(&bytes, kind)?;
    if scale == Scale::Original || picture.width().max(picture.height()) <= MAX_SIDE {
        return Ok(data_url(kind, &bytes));
    }
    let (kind, smaller) = shrink(&picture, kind)?;
    Ok(data_url(kind, &smaller))
}

/// The picture as it is meant to be seen, turned as its file says.
fn decode(bytes: &[u8], kind: ImageFormat) -> Result<DynamicImage, image::ImageError> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), kind);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Fits the picture into what models look at; photographs stay photographs.
fn shrink(picture: &DynamicImage, kind: ImageFormat) -> Result<(ImageFormat, Vec<u8>), image::ImageError> {
    let smaller = picture.resize(MAX_SIDE, MAX_SIDE, FilterType::Triangle);
    let mut bytes = Cursor::new(Vec::new());
    if kind == ImageFormat::Jpeg {
        JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).encode_image(&smaller.into_rgb8())?;
        return Ok((ImageFormat::Jpeg, bytes.into_inner()));
    }
    smaller.write_to(&mut bytes, ImageFormat::Png)?;
    Ok((ImageFormat::Png, bytes.into_inner()))
}

fn data_url(kind: ImageFormat, bytes: &[u8]) -> String {
    let head = format!("data:{};base64,", kind.to_mime_type());
    let mut url = String::with_capacity(head.len() + bytes.len().div_ceil(3) * 4);
    url.push_str(&head);
    BASE64.encode_string(bytes, &mut url);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture in a file, and what [`read`] makes of it: its type, its size, and whether it is the file's own bytes.
    fn shown(width: u32, height: u32, kind: ImageFormat, scale: Scale) -> (String, (u32, u32), bool) {
        let picture = DynamicImage::new_rgb8(width, height);
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, kind).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture");
        fs::write(&path, bytes.get_ref()).unwrap();
        let url = read(&path, scale).unwrap();
        let (head, data) = url.split_once(',').unwrap();
        let data = BASE64.decode(data).unwrap();
        let seen = image::load_from_memory(&data).unwrap();
        (head.to_owned(), (seen.width(), seen.height()), &data == bytes.get_ref())
    }

    #[test]
    fn what_models_look_at_is_shown_as_it_is() {
        for (kind, head) in [
            (ImageFormat::Png, "data:image/png;base64"),
            (ImageFormat::Jpeg, "data:image/jpeg;base64"),
            (ImageFormat::Gif, "data:image/gif;base64"),
            (ImageFormat::WebP, "data:image/webp;base64"),
        ] {
            assert_eq!(shown(20, 10, kind, Scale::Shown), (head.to_owned(), (20, 10), true));
        }
        assert!(shown(2048, 2048, ImageFormat::Png, Scale::Shown).2);
    }

    #[test]
    fn what_is_larger_is_made_smaller_and_keeps_its_shape() {
        for (kind, head) in [
            (ImageFormat::Png, "data:image/png;base64"),
            (ImageFormat::Jpeg, "data:image/jpeg;base64"),
            (ImageFormat::WebP, "data:image/png;base64"),
        ] {
            assert_eq!(shown(2400, 1200, kind, Scale::Shown), (head.to_owned(), (2048, 1024), false));
        }
        assert_eq!(shown(10, 4096, ImageFormat::Png, Scale::Shown).1, (5, 2048));
        assert!(shown(3000, 15, ImageFormat::Png, Scale::Original).2);
    }

    #[test]
    fn what_no_provider_could_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        let mut whole = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(64, 64).write_to(&mut whole, ImageFormat::Png).unwrap();
        let whole = whole.into_inner();
        // A file of some bytes that says it is a square of a million pixels a side.
        let mut endless = whole.clone();
        endless[16..24].copy_from_slice(&[0, 15, 66, 64, 0, 15, 66, 64]);
        for bytes in [&whole[..whole.len() / 2], b"\x89PNG\r\n\x1a\nrest", &endless] {
            fs::write(&path, bytes).unwrap();
            for scale in [Scale::Shown, Scale::Original] {
                assert!(matches!(read(&path, scale), Err(ImageError::Damaged(_))));
            }
        }
        for other in [b"not an image".as_slice(), b"", b"BM rest of a bitmap"] {
            fs::write(&path, other).unwrap();
            assert!(matches!(read(&path, Scale::Shown), Err(ImageError::OtherKind)));
        }
        // As with a pipe, there is no telling when it would end.
        assert!(matches!(read(Path::new("/dev/null"), Scale::Shown), Err(ImageError::NotAFile)));
    }
}

//! What a document says of its own encoding.

/// Bytes a document's declaration is looked for in.
const HEAD: usize = 512;

/// The encoding a document says it has, by its mark or its declaration, and where that is said.
pub(super) fn encoding_of(head: &[u8]) -> (&'static encoding_rs::Encoding, &'static str) {
    if let Some((codec, _)) = encoding_rs::Encoding::for_bom(head) {
        return (codec, "by its byte order mark");
    }
    let head = &head[..head.len().min(HEAD)];
    let declaration = head.split(|b| *b == b'>').next().unwrap_or_default();
    let text = String::from_utf8_lossy(declaration);
    let stated = text.split_once("encoding").and_then(|(_, rest)| {
        let rest = rest.trim_start().strip_prefix('=')?.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest[1..].split(quote).next()
    });
    match stated.and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes())) {
        // GB18030 reads all that GBK and GB2312 have.
        Some(codec) if codec == encoding_rs::GBK => (encoding_rs::GB18030, "declared"),
        Some(codec) => (codec, "declared"),
        None => (encoding_rs::UTF_8, "no encoding declared"),
    }
}

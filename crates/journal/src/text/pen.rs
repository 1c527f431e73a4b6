//! Writes canonical JSON pieces into a byte buffer.

/// A byte buffer with the few strokes that the journal's lines need.
pub(crate) struct Pen<'b>(pub(crate) &'b mut Vec<u8>);

impl Pen<'_> {
    /// Fixed text: keys, braces, commas.
    pub(crate) fn literal(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// Raw bytes that are known to be plain text.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A whole number.
    pub(crate) fn number(&mut self, number: impl itoa::Integer) -> &mut Self {
        let mut digits = itoa::Buffer::new();
        self.0.extend_from_slice(digits.format(number).as_bytes());
        self
    }

    /// A string in quotes, `"` and `\` escaped.
    pub(crate) fn string(&mut self, text: &str) -> &mut Self {
        let bytes = text.as_bytes();
        self.0.push(b'"');
        if memchr::memchr2(b'"', b'\\', bytes).is_none() {
            self.0.extend_from_slice(bytes);
        } else {
            for byte in bytes {
                if matches!(byte, b'"' | b'\\') {
                    self.0.push(b'\\');
                }
                self.0.push(*byte);
            }
        }
        self.0.push(b'"');
        self
    }
}

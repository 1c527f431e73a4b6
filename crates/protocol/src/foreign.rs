//! Tells a client that speaks HTTP by its first bytes. A browser can be made to send a form to any
//! local port; its request must never come near a command.

/// What the first bytes of a connection say about the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// It does not speak HTTP.
    Lines,
    /// It speaks HTTP.
    Http,
    /// More bytes are needed to tell.
    Unclear,
}

/// Every way in which an HTTP connection begins: a method of RFC 9110, section 9, or PATCH (RFC
/// 5789) and a space, or the preface of HTTP/2 (RFC 9113, section 3.4).
const BEGINNINGS: [&[u8]; 10] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"CONNECT ",
    b"OPTIONS ",
    b"TRACE ",
    b"PATCH ",
    b"PRI * HTTP/2",
];

/// Judges `first`, the bytes that a connection began with so far.
pub fn speech(first: &[u8]) -> Speech {
    if BEGINNINGS.iter().any(|beginning| first.starts_with(beginning)) {
        Speech::Http
    } else if BEGINNINGS.iter().any(|beginning| beginning.starts_with(first)) {
        Speech::Unclear
    } else {
        Speech::Lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_http_is_known() {
        let methods = "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH";
        for method in methods.split(' ') {
            assert_eq!(speech(format!("{method} /").as_bytes()), Speech::Http, "{method}");
        }
        assert_eq!(speech(b"PRI * HTTP/2.0\r\n"), Speech::Http);
    }

    #[test]
    fn every_http_beginning_is_known_at_its_last_byte_and_unclear_before() {
        for beginning in BEGINNINGS {
            for end in 0..beginning.len() {
                assert_eq!(speech(&beginning[..end]), Speech::Unclear);
            }
            assert_eq!(speech(beginning), Speech::Http);
            assert_eq!(speech(&[beginning, b"/ HTTP/1.1\r\n"].concat()), Speech::Http);
        }
    }

    #[test]
    fn requests_and_other_lines_are_not_http() {
        for line in ["{\"cmd\"", " {", "\n", "GETTING", "get /", "PRI * HTTQ", "hello"] {
            assert_eq!(speech(line.as_bytes()), Speech::Lines, "{line}");
        }
    }
}

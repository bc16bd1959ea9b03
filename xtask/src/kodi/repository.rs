//! A repository of add-ons, the way Kodi reads one from a web server: a list, checksums, zips, pictures.
//! Knows nothing of what is in the add-ons but their manifests.
#![forbid(unsafe_code)]

use std::path::Path;

use ring::digest;

use super::{Files, manifest, text, tree};

/// The id of the add-on that tells Kodi of the repository.
pub const ADDON: &str = "repository.libtrakt";

/// An add-on that the repository offers.
pub struct Offer<'a> {
    id: &'a str,
    version: &'a str,
    files: &'a Files,
    zip: Vec<u8>,
}

impl<'a> Offer<'a> {
    /// The add-on's files and the zip made of them.
    pub fn new(id: &'a str, version: &'a str, files: &'a Files, zip: Vec<u8>) -> Self {
        Self {
            id,
            version,
            files,
            zip,
        }
    }
}

/// The address of the repository's folder without the slash at its end. Plain http is for this machine alone.
pub fn url(value: &str) -> Result<String, String> {
    let bad = |why: &str| Err(format!("--repository-url {why}: `{value}`"));
    let trimmed = value.trim_end_matches('/');
    let (scheme, rest) = trimmed.split_once("://").unwrap_or(("", trimmed));
    let (host, _) = rest.split_once('/').unwrap_or((rest, ""));
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:%".contains(&byte);
    match scheme {
        "https" => {}
        "http" if ["127.0.0.1", "localhost"].contains(&name) => {}
        "http" => return bad("must be https, or the add-on could be exchanged on its way"),
        _ => return bad("must begin with https://"),
    }
    if name.is_empty() || !rest.bytes().all(plain) {
        return bad("must be host and folder in plain characters, without user, `?` and `#`");
    }
    Ok(trimmed.to_owned())
}

/// The add-on that tells Kodi of the repository at `url`.
pub fn addon_files(root: &Path, version: &str, url: &str) -> Result<Files, String> {
    let source = root.join("plugin/kodi").join(ADDON);
    let mut files = tree(&source)?;
    let template = text(&source.join("addon.xml"))?;
    let addon = manifest::body(&template)?.replace("@URL@", url);
    let addon = manifest::with_version(&addon, version)?;
    let (addon, _) = manifest::without_missing_assets(&addon, &files)?;
    files.insert(
        "addon.xml".to_owned(),
        format!("{DECLARATION}{addon}\n").into_bytes(),
    );
    files.insert("LICENSE.txt".to_owned(), super::license(root)?.into_bytes());
    Ok(files)
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

/// The folder to put on the web server.
pub fn folder(offers: &[Offer<'_>]) -> Result<Files, String> {
    let mut files = Files::new();
    let mut list = format!("{DECLARATION}<addons>\n");
    for offer in offers {
        let manifest = offer.files.get("addon.xml").ok_or("addon.xml is missing")?;
        let manifest = std::str::from_utf8(manifest).map_err(|error| error.to_string())?;
        list.push_str(manifest::body(manifest)?);
        list.push('\n');
        let id = offer.id;
        for picture in manifest::assets(manifest) {
            let content = offer.files.get(picture).ok_or("a picture is missing")?;
            files.insert(format!("{id}/{picture}"), content.clone());
        }
        let zip = format!("{id}-{}.zip", offer.version);
        files.insert(format!("{id}/{zip}.sha256"), checksum(&offer.zip, &zip));
        files.insert(format!("{id}/{zip}"), offer.zip.clone());
    }
    list.push_str("</addons>\n");
    files.insert(
        "addons.xml.sha256".to_owned(),
        checksum(list.as_bytes(), "addons.xml"),
    );
    files.insert("addons.xml".to_owned(), list.into_bytes());
    Ok(files)
}

/// As sha256sum writes it; Kodi reads up to the first space.
fn checksum(content: &[u8], name: &str) -> Vec<u8> {
    let digest = digest::digest(&digest::SHA256, content);
    let hex: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{hex}  {name}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_that_of_a_folder() {
        for (given, taken) in [
            ("https://example.org/kodi/", "https://example.org/kodi"),
            ("https://example.org", "https://example.org"),
            ("http://127.0.0.1:8080/r", "http://127.0.0.1:8080/r"),
            ("http://localhost/r//", "http://localhost/r"),
        ] {
            assert_eq!(url(given).unwrap(), taken);
        }
        for bad in [
            "",
            "https://",
            "https:///folder",
            "example.org/kodi",
            "http://example.org/kodi",
            "http://127.0.0.1.example.org/",
            "ftp://example.org/",
            "https://user:word@example.org/",
            "https://example.org/?a=b",
            "https://example.org/#a",
            "https://example.org/<b>&",
            "https://example.org/a b",
            "https://example.org/\"",
        ] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn checksums_are_those_of_sha256sum() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  x\n";
        assert_eq!(checksum(b"", "x"), empty.as_bytes());
    }

    #[test]
    fn the_list_holds_each_addon_once_and_checksums_hold() {
        let addon = |id: &str| {
            Files::from([
                (
                    "addon.xml".to_owned(),
                    format!("<?xml version=\"1.0\"?>\n<addon id=\"{id}\" version=\"1.0.0\">\n<icon>r/i.png</icon>\n</addon>\n").into_bytes(),
                ),
                ("r/i.png".to_owned(), b"picture".to_vec()),
                ("code.py".to_owned(), Vec::new()),
            ])
        };
        let (a, b) = (addon("a"), addon("b"));
        let offers = [
            Offer::new("a", "1.0.0", &a, b"zip a".to_vec()),
            Offer::new("b", "1.0.0", &b, b"zip b".to_vec()),
        ];
        let files = folder(&offers).unwrap();
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "a/a-1.0.0.zip",
                "a/a-1.0.0.zip.sha256",
                "a/r/i.png",
                "addons.xml",
                "addons.xml.sha256",
                "b/b-1.0.0.zip",
                "b/b-1.0.0.zip.sha256",
                "b/r/i.png",
            ]
        );
        let list = String::from_utf8(files["addons.xml"].clone()).unwrap();
        assert_eq!(list.matches("<?xml").count(), 1);
        assert_eq!(list.matches("<addon ").count(), 2);
        assert_eq!(
            files["addons.xml.sha256"],
            checksum(list.as_bytes(), "addons.xml")
        );
    }
}

//! addon.xml as text: what packaging reads in it and changes. Knows nothing of files, but which of them there are.
#![forbid(unsafe_code)]

use super::Files;

const EMPTY_NEWS: &str = "<news lang=\"en_GB\"></news>";

/// The add-on's version.
pub fn version(manifest: &str) -> Result<&str, String> {
    let (start, end) = version_range(manifest)?;
    Ok(&manifest[start..end])
}

/// The manifest with another version.
pub fn with_version(manifest: &str, version: &str) -> Result<String, String> {
    let (start, end) = version_range(manifest)?;
    Ok(format!(
        "{}{version}{}",
        &manifest[..start],
        &manifest[end..]
    ))
}

/// Where the version stands: in the tag `addon`, not in the declaration before nor in what the add-on requires.
fn version_range(manifest: &str) -> Result<(usize, usize), String> {
    let find = || {
        let tag = manifest.find("<addon ")?;
        let end_of_tag = tag + manifest[tag..].find('>')?;
        let start = tag + manifest[tag..end_of_tag].find(" version=\"")? + " version=\"".len();
        let end = start + manifest[start..end_of_tag].find('"')?;
        Some((start, end))
    };
    find().ok_or_else(|| "addon.xml has no version".to_owned())
}

/// The manifest with its news filled in.
pub fn with_news(manifest: &str, news: &str) -> Result<String, String> {
    if !manifest.contains(EMPTY_NEWS) {
        return Err(format!("addon.xml has no {EMPTY_NEWS}"));
    }
    let filled = EMPTY_NEWS.replace("><", &format!(">{}<", escaped(news)));
    Ok(manifest.replacen(EMPTY_NEWS, &filled, 1))
}

/// What the changelog says of a version, as plain text: one line a point.
pub fn newest_entry(changelog: &str, version: &str) -> Result<String, String> {
    let mut lines: Vec<String> = Vec::new();
    let title = format!("## {version}");
    let entry = changelog
        .lines()
        .skip_while(|line| line.trim_end() != title)
        .skip(1)
        .take_while(|line| !line.starts_with("## "));
    for line in entry {
        let line = line.replace('`', "");
        if let Some(point) = line.strip_prefix("* ") {
            lines.push(format!("- {point}"));
        } else if let (Some(rest), Some(last)) = (line.strip_prefix("  "), lines.last_mut()) {
            last.push(' ');
            last.push_str(rest.trim());
        } else if !line.trim().is_empty() {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        return Err(format!("CHANGELOG.md says nothing of version {version}"));
    }
    Ok(lines.join("\n"))
}

/// The manifest without screenshots that nobody has taken yet, and their names. Any other picture must be there.
pub fn without_missing_assets(
    manifest: &str,
    files: &Files,
) -> Result<(String, Vec<String>), String> {
    let (mut kept, mut missing) = (String::new(), Vec::new());
    for line in manifest.split_inclusive('\n') {
        match asset(line) {
            Some((_, file)) if files.contains_key(file) => kept.push_str(line),
            Some(("screenshot", file)) => missing.push(file.to_owned()),
            Some((kind, file)) => {
                return Err(format!(
                    "addon.xml names {file} as its {kind}, which isn't there"
                ));
            }
            None => kept.push_str(line),
        }
    }
    Ok((kept, missing))
}

/// Pictures that the manifest names.
pub fn assets(manifest: &str) -> impl Iterator<Item = &str> {
    manifest.lines().filter_map(asset).map(|(_, file)| file)
}

/// Kind and file of an asset's line.
fn asset(line: &str) -> Option<(&str, &str)> {
    let (kind, rest) = line.trim().strip_prefix('<')?.split_once('>')?;
    let file = rest.strip_suffix(&format!("</{kind}>"))?;
    ["icon", "fanart", "banner", "clearlogo", "screenshot"]
        .contains(&kind)
        .then_some((kind, file))
}

/// The tag `addon` without what stands before it, for a list of several.
pub fn body(manifest: &str) -> Result<&str, String> {
    let start = manifest.find("<addon ").ok_or("addon.xml has no <addon>")?;
    Ok(manifest[start..].trim_end())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"<?xml version="1.0"?>
<!-- a word before -->
<addon id="x" version="0.1.0">
  <requires><import addon="y" version="3.0.0"/></requires>
  <news lang="en_GB"></news>
  <icon>a.png</icon>
  <screenshot>b.png</screenshot>
  <screenshot>c.png</screenshot>
</addon>
"#;

    #[test]
    fn the_version_is_the_addons_own() {
        assert_eq!(version(MANIFEST).unwrap(), "0.1.0");
        let other = with_version(MANIFEST, "2.0.10").unwrap();
        assert_eq!(version(&other).unwrap(), "2.0.10");
        assert_eq!(with_version(&other, "0.1.0").unwrap(), MANIFEST);
        for bad in [
            "",
            "<addon id=\"x\">",
            "<addon version=\"1",
            "<addon > version=\"1\"",
        ] {
            assert!(version(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_news_are_the_entry_of_the_version() {
        let changelog = "# Changes\n\n## 0.2.0\n\nNext & <more>.\n\n* One\n  thing in `code`.\n* Two.\n\n## 0.1.0\n\n* Old.\n";
        let news = newest_entry(changelog, "0.2.0").unwrap();
        assert_eq!(news, "Next & <more>.\n- One thing in code.\n- Two.");
        assert_eq!(newest_entry(changelog, "0.1.0").unwrap(), "- Old.");
        assert!(newest_entry(changelog, "0.1").is_err());
        assert!(newest_entry("## 1.0.0\n\n## 0.9.0\n* x", "1.0.0").is_err());
        let filled = with_news(MANIFEST, &news).unwrap();
        assert!(filled.contains(">Next &amp; &lt;more&gt;.\n- One thing in code.\n- Two.</news>"));
        assert!(with_news(&filled, &news).is_err());
    }

    #[test]
    fn screenshots_may_be_missing_and_nothing_else() {
        let file = |name: &str| (name.to_owned(), Vec::new());
        let files = Files::from([file("a.png"), file("c.png")]);
        let (kept, missing) = without_missing_assets(MANIFEST, &files).unwrap();
        assert_eq!(missing, ["b.png"]);
        assert_eq!(assets(&kept).collect::<Vec<_>>(), ["a.png", "c.png"]);
        let error = without_missing_assets(MANIFEST, &Files::new()).unwrap_err();
        assert!(error.contains("a.png"), "{error}");
    }

    #[test]
    fn the_body_is_the_tag_alone() {
        let body = body(MANIFEST).unwrap();
        assert!(body.starts_with("<addon id=") && body.ends_with("</addon>"));
    }
}

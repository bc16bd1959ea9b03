//! The known shapes of the settings, and what is left of them when any part is gone or of another type.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

/// The shapes that are known of `/users/settings`, from the oldest to the newest.
const SHAPES: [(&str, &[u8]); 7] = [
    ("s1", include_bytes!("../testdata/s1.json")),
    ("s2", include_bytes!("../testdata/s2.json")),
    ("s3", include_bytes!("../testdata/s3.json")),
    ("s4", include_bytes!("../testdata/s4.json")),
    ("s5", include_bytes!("../testdata/s5.json")),
    ("s6", include_bytes!("../testdata/s6.json")),
    ("s7", include_bytes!("../testdata/s7.json")),
];

fn read(bytes: &[u8]) -> Result<Settings> {
    Settings::read(raw::compact(bytes)?.get())
}

fn shape(name: &str) -> Settings {
    let (_, bytes) = SHAPES.iter().find(|(shape, _)| *shape == name).unwrap();
    read(bytes).unwrap()
}

fn value(bytes: &[u8]) -> Value {
    serde_json::from_str(raw::compact(bytes).unwrap().get()).unwrap()
}

fn written(settings: &Settings) -> Value {
    serde_json::to_value(settings).unwrap()
}

#[test]
fn every_known_shape_reads() {
    let avatar = "https://images.example/avatar/30c2f0dfbc39e486?r=pg&s=256";
    for (name, bytes) in SHAPES {
        let settings = read(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(settings.user.username.as_deref(), Some("example"), "{name}");
        assert_eq!(
            settings.user.joined_at.as_deref(),
            Some("2010-09-25T17:49:25.000Z"),
            "{name}"
        );
        let text = serde_json::to_string(&settings).unwrap();
        for secret in ["token-of-the-account", "mail.example"] {
            assert!(!text.contains(secret), "{name} shows {secret}");
        }
        let shown = settings.user.avatar.as_deref();
        match name {
            "s1" => assert_eq!(shown, None),
            "s7" => assert_eq!(shown, Some("https://images.example/avatar.png")),
            _ => assert_eq!(shown, Some(avatar), "{name}"),
        }
        let is_extended = matches!(name, "s6" | "s7");
        assert_eq!(settings.browsing.is_some(), is_extended, "{name}");
    }

    let s1 = shape("s1");
    assert_eq!((s1.user.uuid, s1.user.slug), (None, None));
    assert_eq!(s1.account, Account::default());
    assert_eq!(s1.limits, Limits::default());
    assert_eq!(shape("s2").account.time_24hr, Some(false));
    assert_eq!(
        shape("s3").limits.get("recommendations.item_count"),
        Some(50)
    );
    assert_eq!(shape("s4").limits.get("search.recent_count"), Some(5));
    assert_eq!(shape("s5").permissions.get("following"), Some(true));
    let s6 = shape("s6");
    assert_eq!(s6.user.trakt_id, Some(i64::MAX));
    assert_eq!(s6.permissions.get("commenting"), Some(false));
    assert!(s6.browsing.unwrap().get().ends_with(r#"{"sort":1.50}}}"#));
    let s7 = shape("s7");
    assert_eq!(
        (s7.user.director, s7.account.display_ads),
        (Some(true), None)
    );
    assert_eq!(s7.limits.get("list.count"), Some(100));
}

#[test]
fn a_shape_is_written_for_use() {
    assert_eq!(
        written(&shape("s5")),
        json!({
            "user": {
                "username": "example", "name": "Example User", "slug": "example",
                "uuid": "b6589fc6ab0dc82cf12099d1c2d40ab994e8410c", "trakt_id": null,
                "vip": true, "vip_ep": false, "vip_og": true, "vip_years": 5, "vip_cover_image": null,
                "private": false, "joined_at": "2010-09-25T17:49:25.000Z", "location": "San Diego, CA",
                "about": "Writes examples.", "gender": "male", "age": 32, "director": null,
                "avatar": "https://images.example/avatar/30c2f0dfbc39e486?r=pg&s=256",
            },
            "account": {
                "timezone": "America/Los_Angeles", "date_format": "mdy", "time_24hr": false,
                "cover_image": "https://images.example/movies/000/001/545/fanarts/original/0abb604492.jpg",
                "display_ads": null,
            },
            "limits": {
                "list": {"count": 2, "item_count": 100}, "watchlist": {"item_count": 100},
                "favorites": {"item_count": 100}, "search": {"recent_count": 5},
                "collection": {"item_count": 100}, "notes": {"item_count": 100},
            },
            "permissions": {"commenting": true, "liking": true, "following": true},
        })
    );
    assert_eq!(
        serde_json::to_string(&shape("s5").user.short()).unwrap(),
        r#"{"username":"example","name":"Example User","uuid":"b6589fc6ab0dc82cf12099d1c2d40ab994e8410c","slug":"example","vip":true}"#
    );
}

#[test]
fn without_a_user_it_is_a_bad_reply() {
    for text in [
        "",
        "{}",
        "[]",
        "null",
        "5",
        "\"user\"",
        "{\"user\":{\"username\":\"a\"}",
        "<html></html>",
        r#"{"user":null}"#,
        r#"{"user":[]}"#,
        r#"{"user":{}}"#,
        r#"{"user":{"username":null,"ids":{"slug":5,"uuid":["x"]}}}"#,
        r#"{"user":{"username":"  ","ids":{"slug":""}}}"#,
        r#"{"username":"a"}"#,
        r#"{"user":{"username":"a"},"user":{}}"#,
    ] {
        let error = Settings::read(text).unwrap_err();
        assert_eq!(error.status, Status::BadReply, "{text}");
    }
    for text in [
        r#"{"user":{"username":"a"}}"#,
        r#"{"user":{"ids":{"slug":"a"}}}"#,
        r#"{"user":{"ids":{"uuid":"a"}}}"#,
        r#"{"user":{"username":"a","about":"\ud800","vip_years":1e999,"age":18446744073709551616}}"#,
    ] {
        let settings = Settings::read(text).unwrap();
        assert_eq!(
            (
                settings.user.about,
                settings.user.age,
                settings.user.vip_years
            ),
            (None, None, None),
            "{text}"
        );
    }
}

/// What a field may hold, and so which values of another type lose it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Holds {
    Text,
    Name,
    Moment,
    Url,
    Flag,
    Integer,
}

impl Holds {
    /// What is read of a value: the same value or nothing.
    fn reads(self, value: Option<&Value>) -> Value {
        let fits = match (self, value) {
            (Holds::Text, Some(Value::String(_))) => true,
            (Holds::Name, Some(Value::String(text))) => !text.trim().is_empty(),
            (Holds::Moment, Some(Value::String(text))) => text.ends_with(".000Z"),
            (Holds::Url, Some(Value::String(text))) => text.starts_with("https://"),
            (Holds::Flag, Some(Value::Bool(_))) => true,
            (Holds::Integer, Some(number)) => number.is_i64(),
            _ => false,
        };
        value.filter(|_| fits).cloned().unwrap_or_default()
    }
}

/// Every field: where it is read, where Trakt writes it, what it holds.
const FIELDS: [(&str, &str, Holds); 23] = [
    ("/user/username", "/user/username", Holds::Name),
    ("/user/name", "/user/name", Holds::Text),
    ("/user/uuid", "/user/ids/uuid", Holds::Name),
    ("/user/slug", "/user/ids/slug", Holds::Name),
    ("/user/trakt_id", "/user/ids/trakt", Holds::Integer),
    ("/user/vip", "/user/vip", Holds::Flag),
    ("/user/vip_ep", "/user/vip_ep", Holds::Flag),
    ("/user/vip_og", "/user/vip_og", Holds::Flag),
    ("/user/vip_years", "/user/vip_years", Holds::Integer),
    ("/user/vip_cover_image", "/user/vip_cover_image", Holds::Url),
    ("/user/private", "/user/private", Holds::Flag),
    ("/user/joined_at", "/user/joined_at", Holds::Moment),
    ("/user/location", "/user/location", Holds::Text),
    ("/user/about", "/user/about", Holds::Text),
    ("/user/gender", "/user/gender", Holds::Text),
    ("/user/age", "/user/age", Holds::Integer),
    ("/user/director", "/user/director", Holds::Flag),
    ("/user/avatar", "/user/images/avatar/full", Holds::Url),
    ("/account/timezone", "/account/timezone", Holds::Text),
    ("/account/date_format", "/account/date_format", Holds::Text),
    ("/account/time_24hr", "/account/time_24hr", Holds::Flag),
    ("/account/cover_image", "/account/cover_image", Holds::Url),
    ("/account/display_ads", "/account/display_ads", Holds::Flag),
];

fn put(target: &mut Value, pointer: &str, value: Value) {
    let mut at = target;
    for key in pointer[1..].split('/') {
        at = at
            .as_object_mut()
            .unwrap()
            .entry(key)
            .or_insert_with(|| json!({}));
    }
    *at = value;
}

/// What must be read of a document, by the table alone; nothing if it names no user.
fn expected(document: &Value) -> Option<Value> {
    let mut read = json!({});
    for (to, from, holds) in FIELDS {
        put(&mut read, to, holds.reads(document.pointer(from)));
    }
    let open = |key: &str| match document.get(key) {
        Some(Value::Object(map)) => map.clone(),
        _ => Map::new(),
    };
    let mut limits = open("limits");
    limits.retain(|_, group| group.is_object());
    for group in limits.values_mut() {
        if let Value::Object(kinds) = group {
            kinds.retain(|_, number| number.is_i64());
        }
    }
    put(&mut read, "/limits", limits.into());
    let mut permissions = open("permissions");
    permissions.retain(|_, allowed| allowed.is_boolean());
    put(&mut read, "/permissions", permissions.into());
    if let Some(browsing) = document.get("browsing").filter(|value| value.is_object()) {
        put(&mut read, "/browsing", browsing.clone());
    }
    let user = read.get("user")?;
    ["username", "slug", "uuid"]
        .iter()
        .any(|key| user[key].is_string())
        .then_some(read)
}

/// The JSON pointers of every value below the top, objects included.
fn pointers(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if let Value::Object(map) = value {
        for (key, inner) in map {
            found.push(format!("/{key}"));
            found.extend(pointers(inner).iter().map(|rest| format!("/{key}{rest}")));
        }
    }
    found
}

fn take_away(document: &mut Value, pointer: &str) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    document
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove(key);
}

/// Reads a changed document and compares every field with what must be read of it.
fn check(document: &Value, change: &str) {
    match (Settings::read(&document.to_string()), expected(document)) {
        (Ok(settings), Some(expected)) => assert_eq!(written(&settings), expected, "{change}"),
        (Err(error), None) => assert_eq!(error.status, Status::BadReply, "{change}"),
        (result, expected) => panic!("{change}: {result:?} for {expected:?}"),
    }
}

/// A shape in which every URL and moment stands as it is read, so that the table can tell what is read.
fn plain(bytes: &[u8]) -> Value {
    let mut document = value(bytes);
    let read = written(&read(bytes).unwrap());
    for (to, from, holds) in FIELDS {
        if matches!(holds, Holds::Url | Holds::Moment) && document.pointer(from).is_some() {
            put(&mut document, from, read.pointer(to).unwrap().clone());
        }
    }
    document
}

#[test]
fn whatever_is_gone_or_of_another_type_only_that_is_lost() {
    let others = [
        json!(null),
        json!(7),
        json!(-1.5),
        json!(""),
        json!("text"),
        json!([]),
        json!(["example", {"full": true}]),
        json!({}),
        json!({"example": {"count": 1, "username": "example"}}),
        json!(true),
    ];
    let mut refused = 0;
    for (name, bytes) in SHAPES {
        let document = plain(bytes);
        check(&document, name);
        for pointer in pointers(&document) {
            let mut changed = document.clone();
            take_away(&mut changed, &pointer);
            check(&changed, &format!("{name} without {pointer}"));
            for other in &others {
                let mut changed = document.clone();
                put(&mut changed, &pointer, other.clone());
                check(&changed, &format!("{name} with {pointer} = {other}"));
                refused += usize::from(expected(&changed).is_none());
            }
        }
    }
    // Reading fails only where no user is left: `user` itself, or a username with no ids beside it.
    assert_eq!(refused, 7 * 10 + 2 * 9);
}

#[test]
fn moments_and_pictures_read_the_same_however_trakt_writes_them() {
    for (written, read) in [
        ("2010-09-25T17:49:25Z", Some("2010-09-25T17:49:25.000Z")),
        (
            "2010-09-25T19:49:25.5+02:00",
            Some("2010-09-25T17:49:25.500Z"),
        ),
        ("2010-09-25", Some("2010-09-25T00:00:00.000Z")),
        ("25.9.2010", None),
        ("", None),
    ] {
        assert_eq!(moment(written.into()).as_deref(), read, "{written}");
    }
    for (written, read) in [
        ("https://a.example/b", Some("https://a.example/b")),
        ("HTTP://a.example/b", Some("HTTP://a.example/b")),
        ("a.example/b?c=d", Some("https://a.example/b?c=d")),
        ("a.example:8080/b", Some("https://a.example:8080/b")),
        ("//a.example/b", Some("https://a.example/b")),
        ("a.example", Some("https://a.example")),
        ("a.example/b:c", Some("https://a.example/b:c")),
        ("", None),
        ("/b.png", None),
        ("avatar", None),
        ("file:///etc/passwd", None),
        ("file://a.example/b", None),
        ("javascript:alert(1.0)", None),
        ("data:image/png;base64,AAAA", None),
        ("user@a.example/b", None),
        ("https://a.example/b c", None),
        ("https://a.example/\nb", None),
    ] {
        assert_eq!(image_url(written.into()).as_deref(), read, "{written}");
    }
}

#[test]
fn the_same_user_is_known_again() {
    let user = |username: &str, slug: &str, uuid: &str| UserRef {
        username: not_blank(username.into()),
        slug: not_blank(slug.into()),
        uuid: not_blank(uuid.into()),
        ..UserRef::default()
    };
    for (a, b, same) in [
        (("old", "old", "1"), ("new", "new", "1"), true),
        (("a", "a", "1"), ("a", "a", "2"), false),
        (("a", "a", "1"), ("b", "a", ""), true),
        (("a", "a", ""), ("a", "b", "2"), false),
        (("Sean", "", "1"), ("sean", "sean", ""), true),
        (("a", "", ""), ("b", "", ""), false),
        (("a", "", ""), ("", "a", ""), false),
        (("", "", ""), ("", "", ""), false),
    ] {
        let (a, b) = (user(a.0, a.1, a.2), user(b.0, b.1, b.2));
        assert_eq!(same_user(&a, &b), same, "{a:?} {b:?}");
        assert_eq!(same_user(&b, &a), same, "{b:?} {a:?}");
    }
}

#[test]
fn a_stored_user_of_another_version_reads() {
    let stored: UserRef =
        serde_json::from_str(r#"{"username":"a","added_later":{"x":1}}"#).unwrap();
    assert_eq!(stored.username.as_deref(), Some("a"));
    assert_eq!((stored.uuid, stored.vip), (None, None));
}

fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>().prop_map(|half| json!(f64::from(half) / 2.0)),
        "[ -~é€]{0,12}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        prop::sample::select(vec![
            "user", "username", "ids", "slug", "uuid", "images", "avatar", "full", "list", "count",
            "vip", "age",
        ])
        .prop_map(str::to_owned),
        "[!-.0-}é€]{0,8}",
    ];
    scalar.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn anything_in_any_place_loses_only_that_place(
        shape in 0..SHAPES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 1..4),
    ) {
        let mut document = plain(SHAPES[shape].1);
        for (at, other) in changes {
            let places = pointers(&document);
            put(&mut document, &places[at.index(places.len())], other);
        }
        check(&document, &document.to_string());
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        shape in 0..SHAPES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = SHAPES[shape].1.to_vec();
        for (at, byte) in changes {
            *at.get_mut(&mut bytes) = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        if let Ok(settings) = read(&bytes) {
            let user = settings.user;
            prop_assert!(user.username.is_some() || user.slug.is_some() || user.uuid.is_some());
        }
    }
}

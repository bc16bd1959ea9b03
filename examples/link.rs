//! Links an account by device code and shows who it is and what it may do.
//!
//! `cargo run --example link` needs nothing: it starts the simulated Trakt inside the process and shows a page to open;
//! `-- --approve` has that page's button pressed by itself. With `TRAKT_CLIENT_ID` set it talks to the real Trakt.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde_json::{Value, json};
use trakt::client::Client;
use trakt_sim::{Options, Sim};

fn main() -> ExitCode {
    let approve = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--approve" => true,
        _ => {
            eprintln!("usage: cargo run --example link [-- --approve]");
            return ExitCode::from(2);
        }
    };
    match run(approve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run(approve: bool) -> Result<(), String> {
    let (config, sim) = config()?;
    if approve && sim.is_none() {
        return Err(
            "--approve is for the simulated Trakt; at the real one only you can approve".into(),
        );
    }
    let client = Client::open(&config.to_string()).map_err(|error| error.to_string())?;

    let mut login = call(&client, "device.start", json!({ "renew": true }))?;
    let mut shown = Value::Null;
    loop {
        match login["state"].as_str().unwrap_or_default() {
            "starting" => progress(&format!(
                "Asking Trakt for a code… {}",
                text(&login["last_error"]["message"])
            )),
            "pending" => {
                if login["user_code"] != shown {
                    shown = login["user_code"].clone();
                    show_code(&login);
                    if let (true, Some(sim)) = (approve, &sim) {
                        sim.control("/approve", json!({}));
                    }
                }
                let left = login["expires_in_ms"].as_u64().unwrap_or(0) / 1_000;
                progress(&format!(
                    "Waiting for you; the code is good for {}:{:02}",
                    left / 60,
                    left % 60
                ));
            }
            "authorized" => break,
            other => {
                return Err(format!(
                    "\nNot linked ({other}): {}",
                    text(&login["error"]["message"])
                ));
            }
        }
        login = call(&client, "device.poll", json!({ "wait_ms": 1_000 }))?;
    }
    println!();
    show_account(&client)?;
    if sim.is_none() {
        println!("\nThis demo keeps nothing: the link is being removed again.");
        call(&client, "account.unlink", json!({}))?;
    }
    client.close(1_000);
    Ok(())
}

/// The real Trakt, if there is a client id for it; otherwise a simulated one inside this process.
fn config() -> Result<(Value, Option<Sim>), String> {
    if let Ok(client_id) = std::env::var("TRAKT_CLIENT_ID") {
        let mut config = json!({ "client_id": client_id, "app_name": "libtrakt-example" });
        if let Ok(secret) = std::env::var("TRAKT_CLIENT_SECRET") {
            config["client_secret"] = secret.into();
        }
        return Ok((config, None));
    }
    let sim = Sim::start(Options::default())
        .map_err(|error| format!("the simulated Trakt can't start: {error}"))?;
    sim.control("/config", json!({ "device_interval_s": 1 }));
    println!("No TRAKT_CLIENT_ID is set: this is the simulated Trakt, inside this process.");
    let config = json!({
        "client_id": sim.client_id(),
        "client_secret": sim.client_secret(),
        "auth_url": sim.auth_url(),
        "api_url": sim.api_url(),
        "app_name": "libtrakt-example",
    });
    Ok((config, Some(sim)))
}

fn call(client: &Client, method: &str, params: Value) -> Result<Value, String> {
    let reply: Value =
        serde_json::from_str(client.call(method, Some(&params.to_string())).as_str())
            .map_err(|error| error.to_string())?;
    match reply.get("error") {
        None => Ok(reply["data"].clone()),
        Some(error) => Err(format!(
            "{method}: {} ({})",
            text(&error["message"]),
            text(&error["code"])
        )),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn show_code(login: &Value) {
    let code = text(&login["user_code"]);
    let (left, right) = code.split_at_checked(code.len() / 2).unwrap_or((code, ""));
    println!("\nOpen   {}", text(&login["verification_url"]));
    println!("Enter  {left} {right}");
    println!("Or     {}\n", text(&login["verification_url_complete"]));
    let rows: Vec<&str> = login["qr_rows"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    print!("{}", qr(&rows));
}

/// Draws the modules of a QR code, two rows to a line: light on dark terminals and dark on light ones alike.
fn qr(rows: &[&str]) -> String {
    let width = rows.first().map_or(0, |row| row.len());
    let dark = |x: usize, y: usize| {
        (2..width + 2).contains(&x)
            && y >= 2
            && rows
                .get(y - 2)
                .is_some_and(|row| row.as_bytes().get(x - 2) == Some(&b'1'))
    };
    let mut out = String::new();
    for y in (0..rows.len() + 4).step_by(2) {
        out.push_str("  \x1b[30;107m");
        for x in 0..width + 4 {
            out.push(match (dark(x, y), dark(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        out.push_str("\x1b[0m\n");
    }
    out
}

/// One line that is written over in a terminal, and left out elsewhere.
fn progress(line: &str) {
    if io::stdout().is_terminal() {
        print!("\r\x1b[K{line}");
        let _ = io::stdout().flush();
    }
}

fn show_account(client: &Client) -> Result<(), String> {
    let settings = call(client, "settings.get", json!({}))?;
    let user = &settings["user"];
    let kind = if user["vip"] == true { "VIP" } else { "free" };
    println!(
        "Linked as {} ({kind})",
        user["name"].as_str().unwrap_or(text(&user["username"]))
    );
    println!("Limits");
    for (group, kinds) in settings["limits"].as_object().into_iter().flatten() {
        for (kind, limit) in kinds.as_object().into_iter().flatten() {
            println!("  {:<24}{limit}", format!("{group}.{kind}"));
        }
    }
    println!("Permissions");
    for (name, allowed) in settings["permissions"].as_object().into_iter().flatten() {
        println!(
            "  {name:<24}{}",
            if *allowed == true {
                "yes"
            } else {
                "no, for the time being"
            }
        );
    }
    Ok(())
}

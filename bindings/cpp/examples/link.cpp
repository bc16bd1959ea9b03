// Links a Trakt account by device code, from a terminal.
//
//   c++ -std=c++17 -o link link.cpp -I../../../examples $(pkg-config --cflags --libs trakt)
//   TRAKT_CLIENT_ID=... ./link          the account is kept in TRAKT_DATA_DIR, or only while the program runs
//   ./link '{"client_id":"...", ...}'   with a configuration of your own, as trakt.h describes it
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include <trakt.hpp>

#include "json_scan.h" // a program of your own uses its JSON library

using namespace std::chrono_literals;

namespace
{

std::string text(const char *json, const char *path)
{
    char value[512];
    return json_text(json, path, value, sizeof value);
}

std::string text(const trakt::Reply &reply, const char *path) { return text(reply.c_str(), path); }

bool waits(const trakt::Reply &snapshot)
{
    const std::string state = text(snapshot, "data.state");
    return state == "starting" || state == "pending";
}

// Two rows of the QR code in each line, dark on light, with the margin that scanners need.
void print_qr(const trakt::Reply &snapshot)
{
    const char *list = json_find(snapshot.c_str(), "data.qr_rows");
    std::vector<std::string> rows;
    char row[512];
    for (int y = 0; json_member(list, y, nullptr) != nullptr; y++) {
        rows.emplace_back(json_string(json_member(list, y, nullptr), row, sizeof row));
    }
    const int size = static_cast<int>(rows.size());
    const auto dark = [&](int x, int y) {
        return y >= 0 && y < size && x >= 0 && x < size &&
               rows[static_cast<size_t>(y)][static_cast<size_t>(x)] == '1';
    };
    for (int y = -4; size > 0 && y < size + 4; y += 2) {
        std::cout << "  \033[107;30m";
        for (int x = -4; x < size + 4; x++) {
            static const char *const blocks[] = {" ", "\u2580", "\u2584", "\u2588"};
            std::cout << blocks[dark(x, y) + 2 * dark(x, y + 1)];
        }
        std::cout << "\033[0m\n";
    }
}

// Shows a code when it is new, and each time how long it is good for.
void show(const trakt::Reply &snapshot)
{
    static std::string shown;
    const std::string code = text(snapshot, "data.user_code");
    const std::string trouble = text(snapshot, "data.last_error.code");
    if (code != shown) {
        shown = code;
        std::cout << "\nOpen  " << text(snapshot, "data.verification_url") << "\nand type  " << code
                  << "\n\nor scan, which opens  " << text(snapshot, "data.verification_url_complete")
                  << "\n\n";
        print_qr(snapshot);
    }
    if (code.empty()) {
        std::cout << "\rasking Trakt for a code ";
    } else {
        const long long seconds = json_number(snapshot.c_str(), "data.expires_in_ms", 0) / 1000;
        std::cout << '\r' << std::setw(2) << seconds / 60 << ':' << std::setw(2) << std::setfill('0')
                  << seconds % 60 << std::setfill(' ') << " left ";
    }
    std::cout << std::left << std::setw(24) << trouble << std::right << std::flush;
}

// Why a call failed or how a login ended, for a human.
int fail(const char *what, const trakt::Reply &reply)
{
    const char *error = json_find(reply.c_str(), reply ? "data.error" : "error");
    const std::string message = text(error, "message");
    const std::string code = text(error, "code");
    std::cerr << '\n'
              << what << ": " << (message.empty() ? "no reason given" : message) << " ("
              << (code.empty() ? text(reply, "data.state") : code) << ")\n";
    return EXIT_FAILURE;
}

// `name: value` for each value in an object, with the keys on the way there: "list.count: 2".
void print_values(const char *object, const std::string &before)
{
    const char *key_at = nullptr;
    for (int n = 0; const char *value = json_member(object, n, &key_at); n++) {
        char key[64];
        const std::string name = before + (before.empty() ? "" : ".") + json_string(key_at, key, sizeof key);
        if (*value == '{') {
            print_values(value, name);
        } else {
            std::cout << "  " << name << ": " << std::string(value, json_skip(value)) << '\n';
        }
    }
}

// Whose account is linked, and what it may do.
int print_account(const trakt::Client &client)
{
    const trakt::Reply settings = client.get_settings();
    if (!settings) {
        return fail("settings", settings);
    }
    const std::string username = text(settings, "data.user.username");
    const std::string name = text(settings, "data.user.name");
    std::cout << "Linked: " << (name.empty() ? username : name + " (" + username + ")") << "\nLimits:\n";
    print_values(json_find(settings.c_str(), "data.limits"), "");
    std::cout << "Permissions:\n";
    print_values(json_find(settings.c_str(), "data.permissions"), "");
    return EXIT_SUCCESS;
}

int link_account(const trakt::Client &client)
{
    // [readme:link]
    trakt::Reply login = client.device_start();
    while (waits(login)) {
        show(login); // the code, the URL and the QR code, for the user to open on a phone
        login = client.device_poll(1s);
    }
    if (text(login, "data.state") != "authorized") {
        return fail("not linked", login);
    }
    // [/readme:link]
    std::cout << "\n\n";
    return EXIT_SUCCESS;
}

std::string config_from_environment(const char *client_id)
{
    std::string config = std::string(R"({"client_id":")") + client_id + '"';
    if (const char *data_dir = std::getenv("TRAKT_DATA_DIR")) {
        config += std::string(R"(,"data_dir":")") + data_dir + '"';
    }
    return config + '}';
}

} // namespace

int main(int argc, char **argv)
{
    const char *client_id = std::getenv("TRAKT_CLIENT_ID");
    if (argc < 2 && client_id == nullptr) {
        std::cerr << "TRAKT_CLIENT_ID is not set: it is the id of your app at Trakt\n";
        return EXIT_FAILURE;
    }
    auto [client, failure] =
        trakt::Client::open(argc > 1 ? std::string(argv[1]) : config_from_environment(client_id));
    if (!client) {
        return fail("open", failure);
    }
    int result = EXIT_SUCCESS;
    if (!json_is(client.account().c_str(), "data.linked", "true")) {
        result = link_account(client);
    }
    if (result == EXIT_SUCCESS) {
        result = print_account(client);
    }
    client.close(2s);
    return result;
}

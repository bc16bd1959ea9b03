// Plays a fake film of ten seconds and shows what Trakt makes of it. The account is linked beforehand, for
// example by link.cpp with the same configuration.
//
//   c++ -std=c++17 -o play play.cpp -I../../../examples $(pkg-config --cflags --libs trakt)
//   ./play '{"client_id":"...","data_dir":"..."}'
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <string>
#include <thread>

#include <trakt.hpp>

#include "json_scan.h" // a program of your own uses its JSON library

using namespace std::chrono_literals;

namespace
{

constexpr int duration_s = 10;

std::string text(const char *json, const char *path)
{
    char value[512];
    return json_text(json, path, value, sizeof value);
}

// What a player does: tell libtrakt, which never waits for anything.
bool report(const trakt::Client &client, const std::string &event, int second, const std::string &more = "")
{
    const std::string json = R"({"session":"film-1","event":")" + event + R"(","position_ms":)" +
                             std::to_string(second * 1000) + R"(,"duration_ms":)" +
                             std::to_string(duration_s * 1000) + more + "}";
    const trakt::Reply decided = client.player_event(json);
    std::cout << std::setw(2) << second << " s  " << std::left << std::setw(9) << event << std::right
              << text(decided.c_str(), decided ? "data.state" : "error.message") << std::endl;
    return decided.ok();
}

// What has happened since; whether the play's way is over.
bool show_news(const trakt::Client &client, trakt::Wait wait = 0ms)
{
    const trakt::Reply news = client.next_events(wait);
    const char *events = json_find(news.c_str(), "data.events");
    bool over = false;
    const char *event = nullptr;
    for (int n = 0; events != nullptr && (event = json_member(events, n, nullptr)) != nullptr; n++) {
        const std::string type = text(event, "type");
        if (type == "play.counted") {
            std::cout << "      it counts, and is kept until Trakt has it\n";
        } else if (type == "play.recorded") {
            std::cout << "      Trakt has it (" << text(event, "data.how") << ")\n";
            over = true;
        } else if (type == "outbox.refused") {
            std::cout << "      Trakt refused it: " << text(event, "data.reason") << '\n';
            over = true;
        }
    }
    return over;
}

bool play(const trakt::Client &client)
{
    // [readme:play]
    const char *film = R"(,"item":{"type":"movie","title":"Heat","year":1995,"ids":{"imdb":"tt0113277"}})";
    if (!report(client, "started", 0, film)) {
        return false;
    }
    for (int second = 1; second < duration_s; second++) {
        std::this_thread::sleep_for(1s);
        report(client, "progress", second);
        show_news(client);
    }
    report(client, "ended", duration_s);
    // [/readme:play]
    while (!show_news(client, 10s)) {
        const trakt::Reply waiting = client.call("outbox.list");
        const std::string why = text(waiting.c_str(), "data.paused");
        std::cout << "      not there yet: " << (why.empty() ? "sending" : why) << std::endl;
    }
    return true;
}

// The newest plays of the account, as Trakt tells them.
void show_history(const trakt::Client &client)
{
    const trakt::Reply answer =
        client.call("http.request", R"({"method":"GET","path":"/sync/history/movies","query":{"limit":3}})");
    const char *plays = json_find(answer.c_str(), "data.body");
    const char *one = nullptr;
    for (int n = 0; plays != nullptr && (one = json_member(plays, n, nullptr)) != nullptr; n++) {
        std::cout << text(one, "watched_at") << ' ' << text(one, "movie.title") << " (" << text(one, "action")
                  << ")\n";
    }
}

} // namespace

int main(int argc, char **argv)
{
    if (argc < 2) {
        std::cerr << "usage: play CONFIG, the JSON that the account was linked with\n";
        return EXIT_FAILURE;
    }
    auto [client, failure] = trakt::Client::open(std::string(argv[1]));
    if (!client) {
        std::cerr << text(failure.c_str(), "error.message") << '\n';
        return EXIT_FAILURE;
    }
    if (!json_is(client.account().c_str(), "data.linked", "true")) {
        std::cerr << "no account is linked yet\n";
        return EXIT_FAILURE;
    }
    const bool played = play(client);
    if (played) {
        show_history(client);
    }
    client.close(2s);
    return played ? EXIT_SUCCESS : EXIT_FAILURE;
}

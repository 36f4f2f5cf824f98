%% Peers that mean harm: whatever they send, before they are let in and after, the node goes on, others are answered,
%% and nothing of it stays. What is done to it, hostile_handshakes and hostile_signals know; what has to be so after
%% each attack, hostile.
-module(hostile_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(RANDOM_MS, 8000).

all() ->
    [attacks_leave_nothing, random_attacks_leave_nothing].

suite() ->
    [{timetrap, {minutes, 5}}].

init_per_suite(Config) ->
    ok = node_case:distribute(),
    Config.

end_per_suite(_Config) ->
    node_case:clean().

init_per_testcase(_Case, Config) ->
    [{server, node_case:start(#{arguments => ["--log-level", "none"]})} | Config].

end_per_testcase(_Case, Config) ->
    Server = #{holder := Holder} = ?config(server, Config),
    case is_process_alive(Holder) of
        true -> node_case:kill(Server);
        false -> ended
    end.

%% ---- cases ----

%% Each attack once, as large as it gets.
attacks_leave_nothing(Config) ->
    ok = node_case:seed(),
    Context = hostile:begin_on(?config(server, Config), full),
    Outcomes = [hostile:attack(Attack, rand:uniform(1 bsl 40), Context) || Attack <- hostile:attacks()],
    end_well(Config, Context, Outcomes).

%% For some seconds, as `make hostile' does it for longer.
random_attacks_leave_nothing(Config) ->
    ok = node_case:seed(),
    Context = hostile:begin_on(?config(server, Config), random),
    End = erlang:monotonic_time(millisecond) + ?RANDOM_MS,
    Slow = [half_open, many_refused], % the case above has them
    Attacks = [Attack || {Name, _} = Attack <- hostile:attacks(), not lists:member(Name, Slow)],
    end_well(Config, Context, until(End, Context, Attacks)).

until(End, Context, Attacks) ->
    case erlang:monotonic_time(millisecond) < End of
        true -> [hostile:attack(hostile:pick(Attacks), rand:uniform(1 bsl 40), Context) | until(End, Context, Attacks)];
        false -> []
    end.

end_well(Config, Context, Outcomes) ->
    ct:pal("~ts", [hostile:totals(Context, Outcomes)]),
    ?assertEqual([], [{Name, Findings} || #{name := Name, findings := [_ | _] = Findings} <- Outcomes]),
    ok = hostile:finish(Context),
    ?assertEqual(0, node_case:stop(?config(server, Config))).

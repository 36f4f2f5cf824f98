%% Each bound with a small number: who goes beyond it has the documented consequence, while a good client is answered
%% all the time. docs/operations.md, "Bounds".
-module(limits_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

all() ->
    [handshakes, connections, frame, depth, monitors, links, lists, name_of_a_list, output, mailbox].

suite() ->
    [{timetrap, {minutes, 1}}].

init_per_suite(Config) ->
    ok = node_case:distribute(),
    Limits = ["--max-handshakes", "2", "--handshake-timeout", "1", "--max-connections", "3", "--frame-limit", "1",
              "--max-depth", "64", "--max-monitors", "20", "--max-lists", "3", "--output-limit", "1",
              "--mailbox-limit", "1"],
    [{server, node_case:start(#{arguments => Limits})} | Config].

end_per_suite(Config) ->
    0 = node_case:stop(server(Config)),
    node_case:clean().

%% The good client's list is there before a case begins, the bad one's afterwards.
init_per_testcase(_Case, Config) ->
    Server = server(Config),
    Good = node_case:list(Server, <<"good">>),
    [{good, good_client:start(Good)}, {told, length(node_case:lines(Server))} | Config].

end_per_testcase(_Case, Config) ->
    {_Calls, _WorstMs} = good_client:stop(proplists:get_value(good, Config)),
    ok = end_list(server(Config), <<"bad">>).

%% ---- what the cases need ----

server(Config) ->
    proplists:get_value(server, Config).

end_list(Server, Name) ->
    case gen_server:call(node_case:cache(Server), {whereis, Name}) of
        nil ->
            ok;
        List ->
            Monitor = monitor(process, List),
            exit(List, kill),
            _ = node_case:down(Monitor, List),
            ok
    end.

%% A node that is going to go too far: a BEAM, connected, that sees when it is disconnected.
bad_node(Server) ->
    Beam = beam_case:start(#{args => ["-sname", node_case:unique("bad"), "-hidden", "-setcookie",
                                      atom_to_list(erlang:get_cookie())]}),
    pong = ping(Beam, Server),
    Beam.

ping(Beam, #{node := Node}) ->
    beam_case:call(Beam, net_adm, ping, [Node]).

%% On the bad node: does it and waits until the connection is lost.
until_down(Node, Function, Arguments) ->
    true = monitor_node(Node, true),
    _ = apply(?MODULE, Function, Arguments),
    receive {nodedown, Node} -> ok after 30000 -> still_up end.

expect_down(Beam, #{node := Node}, Function, Arguments) ->
    ok = beam_case:call(Beam, ?MODULE, until_down, [Node, Function, Arguments]).

%% A line that was written since the case began.
expect_line(Config, Texts) ->
    Server = server(Config),
    Told = proplists:get_value(told, Config),
    node_case:await(fun() ->
                            New = lists:nthtail(Told, node_case:lines(Server)),
                            lists:any(fun(Line) -> has_all(Line, Texts) end, New)
                    end).

has_all(Line, Texts) ->
    lists:all(fun(Text) -> string:find(Line, Text) =/= nomatch end, Texts).

%% ---- who connects ----

%% Five who say nothing: two at a time are given their second.
handshakes(Config) ->
    #{node := Node} = server(Config),
    [Alive, _] = string:split(atom_to_list(Node), "@"),
    {port, Port, _} = erl_epmd:port_please(Alive, {127, 0, 0, 1}),
    Begin = erlang:monotonic_time(millisecond),
    Sockets = [element(2, {ok, _} = gen_tcp:connect({127, 0, 0, 1}, Port, [{active, false}])) || _ <- lists:seq(1, 5)],
    _ = [{error, closed} = gen_tcp:recv(Socket, 0, 20000) || Socket <- Sockets],
    ?assert(erlang:monotonic_time(millisecond) - Begin > 2500),
    expect_line(Config, ["event=not_connected", "reason=timeout"]).

connections(Config) ->
    Server = server(Config),
    [First, Second] = [bad_node(Server) || _ <- [1, 2]],
    Third = beam_case:start(#{args => ["-sname", node_case:unique("third"), "-hidden", "-setcookie",
                                       atom_to_list(erlang:get_cookie())]}),
    pang = ping(Third, Server),
    expect_line(Config, ["event=not_connected", "third", "reason=system_limit"]),
    pong = ping(First, Server),
    ok = beam_case:stop(Second),
    node_case:await(fun() -> ping(Third, Server) =:= pong end),
    ok = beam_case:stop(First),
    ok = beam_case:stop(Third).

%% ---- what they send ----

frame(Config) ->
    Server = server(Config),
    Beam = bad_node(Server),
    ok = beam_case:call(Beam, ?MODULE, send, [node_case:cache(Server), binary:copy(<<"x">>, 1 bsl 20)]),
    pong = ping(Beam, Server),
    expect_down(Beam, Server, send, [node_case:cache(Server), binary:copy(<<"x">>, 2 bsl 20)]),
    expect_line(Config, ["event=down", "bad", "reason=too_large"]),
    beam_case:stop(Beam).

send(To, Message) ->
    To ! Message,
    ok.

depth(Config) ->
    Server = server(Config),
    Beam = bad_node(Server),
    ok = beam_case:call(Beam, ?MODULE, send, [node_case:cache(Server), nested(64)]),
    pong = ping(Beam, Server),
    expect_down(Beam, Server, send, [node_case:cache(Server), nested(65)]),
    expect_line(Config, ["event=down", "bad", "reason=too_deep"]),
    beam_case:stop(Beam).

nested(1) ->
    x;
nested(Depth) ->
    {nested(Depth - 1)}.

%% Whoever comes to the bound stays, and may give up some for others.
monitors(Config) ->
    Server = server(Config),
    Beam = bad_node(Server),
    Cache = node_case:cache(Server),
    ok = beam_case:call(Beam, ?MODULE, monitor_again_and_again, [Cache, 100]),
    pong = ping(Beam, Server),
    expect_down(Beam, Server, monitor_all, [Cache, 100]),
    expect_line(Config, ["event=too_many_monitors", "bad"]),
    expect_line(Config, ["event=down", "bad", "reason=system_limit"]),
    beam_case:stop(Beam).

monitor_again_and_again(To, Count) ->
    _ = [true = demonitor(monitor(process, To), [flush]) || _ <- lists:seq(1, Count)],
    ok.

monitor_all(To, Count) ->
    [monitor(process, To) || _ <- lists:seq(1, Count)].

links(Config) ->
    Server = server(Config),
    Beam = bad_node(Server),
    List = node_case:list(Server, <<"bad">>),
    expect_down(Beam, Server, link_all, [List, 100]),
    expect_line(Config, ["event=too_many_monitors", "bad"]),
    beam_case:stop(Beam).

link_all(To, Count) ->
    [spawn(fun() -> link(To), receive after infinity -> ok end end) || _ <- lists:seq(1, Count)].

%% ---- what they make ----

lists(Config) ->
    Server = server(Config),
    Names = [<<"second">>, <<"third">>],
    Lists = [node_case:list(Server, Name) || Name <- Names],
    {error, system_limit} = gen_server:call(node_case:cache(Server), {server_process, <<"bad">>}),
    _ = [{ok, _} = gen_server:call(List, {add_entry, #{date => {2023, 12, 19}}}) || List <- Lists],
    _ = [ok = end_list(Server, Name) || Name <- Names],
    {ok, 1} = gen_server:call(node_case:list(Server, <<"bad">>), {add_entry, #{date => {2023, 12, 19}}}).

name_of_a_list(Config) ->
    Cache = node_case:cache(server(Config)),
    {error, too_large} = gen_server:call(Cache, {server_process, binary:copy(<<"x">>, 65 * 1024)}),
    nil = gen_server:call(Cache, {whereis, binary:copy(<<"x">>, 65000)}).

%% ---- what they are sent ----

output(Config) ->
    Server = server(Config),
    List = node_case:list(Server, <<"bad">>),
    _ = [{ok, _} = gen_server:call(List, {add_entry, #{date => {2023, 12, 19}, title => rand:bytes(500000)}})
         || _ <- lists:seq(1, 8)],
    Beam = bad_node(Server),
    OsPid = beam_case:call(Beam, os, getpid, []),
    ok = sys:suspend(List),
    ok = beam_case:call(Beam, ?MODULE, ask, [List, 20]),
    node_case:await(fun() ->
                            {message_queue_len, 20} =:= rpc:call(node(List), erlang, process_info,
                                                                 [List, message_queue_len])
                    end),
    "" = os:cmd("kill -STOP " ++ OsPid),
    ok = sys:resume(List),
    expect_line(Config, ["event=down", "bad", "reason=does_not_read"]),
    true = is_integer(gen_server:call(List, size)),
    "" = os:cmd("kill -KILL " ++ OsPid),
    beam_case:stop(Beam).

ask(To, Count) ->
    _ = spawn(fun() ->
                      _ = [gen_server:send_request(To, entries) || _ <- lists:seq(1, Count)],
                      receive after infinity -> ok end
              end),
    ok.

mailbox(Config) ->
    Server = server(Config),
    List = node_case:list(Server, <<"bad">>),
    Beam = bad_node(Server),
    ok = sys:suspend(List),
    expect_down(Beam, Server, cast_all, [List, 5, binary:copy(<<"x">>, 500000)]),
    expect_line(Config, ["event=mailbox_full", "bad"]),
    expect_line(Config, ["event=down", "bad", "reason=mailbox_full"]),
    ok = sys:resume(List),
    true = is_integer(gen_server:call(List, size)),
    beam_case:stop(Beam).

cast_all(To, Count, Title) ->
    [gen_server:cast(To, {add_entry, #{date => {2023, 12, 19}, title => Title}}) || _ <- lists:seq(1, Count)].

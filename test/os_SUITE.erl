%% What the operating system can do to a node: epmd goes and comes, the host gets another name, the clock jumps, memory
%% and descriptors end, the process is stopped for a while.
-module(os_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(ENTRY, #{date => {2023, 12, 19}}).
-define(MIB, (1024 * 1024)).

all() ->
    [epmd_is_killed_and_comes_back, epmd_is_killed_and_nobody_starts_it, host_gets_another_name, clock_jumps,
     large_things_without_memory, memory_ends, stopped_for_longer_than_the_tick_time, stopped_for_a_moment,
     few_descriptors, descriptors_end_for_a_while].

suite() ->
    [{timetrap, {minutes, 2}}].

init_per_suite(Config) ->
    ok = node_case:distribute(),
    Config.

end_per_suite(_Config) ->
    node_case:clean().

%% With AddressSanitizer no limit of memory can be given: what it takes for itself is terabytes.
init_per_testcase(Case, Config) when Case =:= large_things_without_memory; Case =:= memory_ends ->
    case os:cmd("ldd " ++ node_case:program() ++ " | grep libasan") of
        "" -> Config;
        _ -> {skip, "AddressSanitizer"}
    end;
init_per_testcase(host_gets_another_name, Config) ->
    case namespace:refused([uts]) of
        false -> Config;
        Why -> {skip, Why}
    end;
init_per_testcase(_Case, Config) ->
    Config.

end_per_testcase(_Case, _Config) ->
    ok.

%% ---- what the cases need ----

beam() ->
    beam(#{}).

%% Options: args and env.
beam(Options) ->
    Arguments = ["-sname", node_case:unique("beam"), "-hidden", "-setcookie", atom_to_list(erlang:get_cookie())],
    beam_case:start(Options#{args => Arguments ++ maps:get(args, Options, [])}).

ping(Beam, Node) ->
    beam_case:call(Beam, net_adm, ping, [Node]).

await_line(Server, Text) ->
    node_case:await(fun() -> lists:any(fun(L) -> string:find(L, Text) =/= nomatch end, node_case:lines(Server)) end).

signal(Signal, OsPid) ->
    "" = os:cmd("kill -" ++ Signal ++ " " ++ integer_to_list(OsPid)),
    ok.

milliseconds() ->
    erlang:monotonic_time(millisecond).

%% ---- epmd ----

%% Connections do not need it; how soon it knows the node again is printed.
epmd_is_killed_and_comes_back(_Config) ->
    epmd_is_away(fun(Port) -> epmd_case:start(Port) end).

epmd_is_killed_and_nobody_starts_it(_Config) ->
    epmd_is_away(fun(_Port) -> ok end).

epmd_is_away(Back) ->
    Port = epmd_case:free_port(),
    ok = epmd_case:start(Port),
    Name = node_case:unique("todo"),
    Env = [{"ERL_EPMD_PORT", integer_to_list(Port)}, {"ERL_EPMD_RELAXED_COMMAND_CHECK", "1"}],
    Server = node_case:start(#{name => Name, env => Env}),
    Beam = beam(#{env => Env}),
    List = beam_case:call(Beam, node_case, list, [Server, <<"bob">>]),
    ok = epmd_case:kill(Port),
    ok = Back(Port),
    Begin = milliseconds(),
    node_case:await(fun() ->
                            {ok, _} = beam_case:call(Beam, gen_server, call, [List, {add_entry, ?ENTRY}]),
                            epmd_case:knows(Port, Name)
                    end),
    ct:pal("registered again after ~b ms", [milliseconds() - Begin]),
    ?assert(milliseconds() - Begin < 20000),
    ok = beam_case:stop(Beam),
    Next = beam(#{env => Env}),
    pong = ping(Next, maps:get(node, Server)),
    ok = beam_case:stop(Next),
    0 = node_case:stop(Server),
    ok = epmd_case:kill(Port).

%% ---- host name ----

host_gets_another_name(_Config) ->
    Place = namespace:start([uts]),
    Server = node_case:start(#{prefix => namespace:inside(Place)}),
    Good = good_client:start(node_case:list(Server, <<"good">>)),
    ok = namespace:run(Place, "hostname another-name"),
    #{node := Node} = Server,
    Node = rpc:call(Node, erlang, node, []),
    Beam = beam(),
    pong = ping(Beam, Node),
    ok = beam_case:stop(Beam),
    _ = good_client:stop(Good),
    0 = node_case:stop(Server),
    namespace:stop(Place).

%% ---- clock ----

%% A year ahead, ten years back: nobody is disconnected, nothing expires, no call and no timer ends early or late.
clock_jumps(_Config) ->
    Folder = node_case:folder(),
    Library = filename:join(Folder, "clock_jump.so"),
    File = filename:join(Folder, "jump"),
    Source = filename:join(beam_case:root(), "test/clock_jump.c"),
    "" = os:cmd("cc -shared -fPIC -o " ++ Library ++ " " ++ Source),
    Jump = fun(Seconds) ->
                   ok = file:write_file(File ++ ".new", integer_to_list(Seconds)),
                   ok = file:rename(File ++ ".new", File)
           end,
    Jump(0),
    Server = node_case:start(#{env => [{"LD_PRELOAD", Library}, {"CLOCK_JUMP", File},
                                       {"ASAN_OPTIONS", "verify_asan_link_order=0"}],
                               arguments => ["--net-ticktime", "60", "--expire", "60"]}),
    #{node := Node} = Server,
    true = monitor_node(Node, true),
    Idle = node_case:list(Server, <<"idle">>),
    Monitor = monitor(process, Idle),
    Good = good_client:start(node_case:list(Server, <<"good">>)),
    Now = rpc:call(Node, erlang, system_time, [second]),
    _ = [begin
             Jump(Seconds),
             Then = rpc:call(Node, erlang, system_time, [second]),
             ?assert(abs(Then - Now - Seconds) < 60),
             {Us, {error, timeout}} = timer:tc(fun() -> call_that_ends(Node, 500) end),
             ?assert(Us > 400000 andalso Us < 10000000)
         end || Seconds <- [365 * 86400, -10 * 365 * 86400, 0]],
    _ = good_client:stop(Good),
    receive
        {nodedown, Node} -> error(nodedown);
        {'DOWN', Monitor, process, Idle, Reason} -> error(Reason)
    after 0 -> ok
    end,
    true = demonitor(Monitor, [flush]),
    true = monitor_node(Node, false),
    0 = node_case:stop(Server).

%% The node's own timer: it gives up a subscriber that has not answered an event in time.
call_that_ends(Node, Ms) ->
    List = gen_server:call({'Elixir.Todo.Cache', Node}, {server_process, <<"idle">>}),
    {ok, _} = gen_server:call(List, {subscribe, self(), [{ack, Ms}]}),
    {ok, _} = gen_server:call(List, {add_entry, ?ENTRY}),
    ended(List).

ended(List) ->
    receive
        {'$gen_call', _From, _Event} -> ended(List);
        {todo_unsubscribed, List, _Seq, Reason} -> {error, Reason}
    after 20000 -> still_subscribed
    end.

%% ---- memory ----

limited_memory(Mb) ->
    ["prlimit", "--as=" ++ integer_to_list(Mb * 1000000)].

%% A message, a value and a file for which there is not enough: that connection, or that call, and nobody else.
large_things_without_memory(_Config) ->
    Folder = node_case:folder(),
    Value = lists:duplicate(60, binary:copy(<<"x">>, ?MIB)),
    Plenty = node_case:start(#{folder => Folder}),
    ok = gen_server:call(node_case:database(Plenty), {store, large, Value}, 60000),
    0 = node_case:stop(Plenty),
    Server = node_case:start(#{folder => Folder, prefix => limited_memory(600)}),
    Good = good_client:start(node_case:list(Server, <<"good">>)),
    {error, enomem} = gen_server:call(node_case:database(Server), {get, large}, 60000),
    Beam = beam(),
    ok = beam_case:call(Beam, ?MODULE, send_large, [node_case:cache(Server), 500]),
    await_line(Server, "reason=ENOMEM"),
    #{node := Node} = Server,
    pong = ping(Beam, Node),
    ok = beam_case:stop(Beam),
    _ = good_client:stop(Good),
    0 = node_case:stop(Server).

%% On the other BEAM: a message of so many MiB, which takes one of its own; returns when the connection is lost.
send_large({_, Node} = To, Mib) ->
    true = monitor_node(Node, true),
    To ! lists:duplicate(Mib, binary:copy(<<"x">>, ?MIB)),
    receive {nodedown, Node} -> ok after 60000 -> still_up end.

%% Many small things until there is no memory at all: the program ends, and the next one has all that was acknowledged.
memory_ends(_Config) ->
    Folder = node_case:folder(),
    Server = node_case:start(#{folder => Folder, prefix => limited_memory(600)}),
    List = node_case:list(Server, <<"growing">>),
    Count = fill(List, binary:copy(<<"x">>, 900000), 0),
    await_line(Server, "event=out_of_memory"),
    ?assertEqual(128 + 6, node_case:status(Server)),
    ct:pal("~b entries of 900 kB", [Count]),
    ?assert(Count > 50),
    Next = node_case:start(#{folder => Folder}),
    ?assert(lists:member(gen_server:call(node_case:list(Next, <<"growing">>), size, 60000), [Count, Count + 1])),
    0 = node_case:stop(Next).

fill(List, Title, Count) ->
    try gen_server:call(List, {add_entry, ?ENTRY#{title => Title}}, 60000) of
        {ok, _} -> fill(List, Title, Count + 1)
    catch
        exit:_ -> Count
    end.

%% ---- SIGSTOP ----

%% Seen from a BEAM, it is as if another BEAM had been stopped: nodedown in the same time, back as soon as it goes on.
stopped_for_longer_than_the_tick_time(_Config) ->
    Ticktime = #{args => ["-kernel", "net_ticktime", "4"]},
    Observer = beam(Ticktime),
    Server = node_case:start(#{arguments => ["--net-ticktime", "4"]}),
    Other = beam(Ticktime),
    Ours = down_after_stop(Observer, maps:get(node, Server), node_case:pid_of(Server)),
    Theirs = down_after_stop(Observer, beam_case:call(Other, erlang, node, []),
                             list_to_integer(beam_case:call(Other, os, getpid, []))),
    ct:pal("nodedown after ~b ms, of a BEAM after ~b ms", [Ours, Theirs]),
    ?assert(Ours > 2500 andalso Ours < 7000),
    {ok, 1} = gen_server:call(node_case:list(Server, <<"bob">>), {add_entry, ?ENTRY}),
    [ok = beam_case:stop(Beam) || Beam <- [Observer, Other]],
    0 = node_case:stop(Server).

down_after_stop(Observer, Node, OsPid) ->
    pong = ping(Observer, Node),
    ok = signal("STOP", OsPid),
    Ms = beam_case:call(Observer, ?MODULE, down_after, [Node]),
    ok = signal("CONT", OsPid),
    node_case:await(fun() -> ping(Observer, Node) =:= pong end),
    Ms.

down_after(Node) ->
    Begin = milliseconds(),
    true = monitor_node(Node, true),
    receive {nodedown, Node} -> milliseconds() - Begin after 30000 -> still_up end.

%% Nobody notices, but who has asked meanwhile, and waits so long.
stopped_for_a_moment(_Config) ->
    Server = node_case:start(),
    #{node := Node} = Server,
    List = node_case:list(Server, <<"bob">>),
    true = monitor_node(Node, true),
    ok = signal("STOP", node_case:pid_of(Server)),
    Request = gen_server:send_request(List, {add_entry, ?ENTRY}),
    timeout = gen_server:wait_response(Request, 2000),
    ok = signal("CONT", node_case:pid_of(Server)),
    {reply, {ok, 1}} = gen_server:wait_response(Request, 30000),
    receive {nodedown, Node} -> error(nodedown) after 0 -> ok end,
    true = monitor_node(Node, false),
    0 = node_case:stop(Server).

%% ---- descriptors ----

%% 64 of them: however many connect, there are enough for files.
few_descriptors(_Config) ->
    Server = node_case:start(#{prefix => ["prlimit", "--nofile=64"], arguments => ["--handshake-timeout", "1"]}),
    Good = good_client:start(node_case:list(Server, <<"good">>)),
    Sockets = silent(Server, 200),
    Lists = [node_case:list(Server, integer_to_binary(I)) || I <- lists:seq(1, 50)],
    [{ok, 1} = gen_server:call(List, {add_entry, ?ENTRY}) || List <- Lists],
    [ok = gen_tcp:close(Socket) || Socket <- Sockets],
    Beam = beam(),
    node_case:await(fun() -> ping(Beam, maps:get(node, Server)) =:= pong end),
    ok = beam_case:stop(Beam),
    _ = good_client:stop(Good),
    0 = node_case:stop(Server).

silent(#{node := Node}, Count) ->
    [Alive, _] = string:split(atom_to_list(Node), "@"),
    {port, Port, _} = erl_epmd:port_please(Alive, {127, 0, 0, 1}),
    [element(2, {ok, _} = gen_tcp:connect({127, 0, 0, 1}, Port, [{active, false}])) || _ <- lists:seq(1, Count)].

%% All are in use: connections wait, a list that has to be read is told the reason, what needs no descriptor goes on.
descriptors_end_for_a_while(_Config) ->
    Folder = node_case:folder(),
    First = node_case:start(#{folder => Folder}),
    {ok, 1} = gen_server:call(node_case:list(First, <<"bob">>), {add_entry, ?ENTRY}),
    0 = node_case:stop(First),
    Server = node_case:start(#{folder => Folder}),
    List = node_case:list(Server, <<"good">>),
    {ok, 1} = gen_server:call(List, {add_entry, ?ENTRY}), % its journal is open
    Good = good_client:start(List),
    ok = limit_descriptors(Server, "3"),
    [Socket] = silent(Server, 1),
    await_line(Server, "event=accept_paused reason=EMFILE"),
    Bob = node_case:list(Server, <<"bob">>),
    {error, emfile} = gen_server:call(Bob, size),
    {error, emfile} = gen_server:call(node_case:database(Server), {get, <<"bob">>}),
    ok = limit_descriptors(Server, "1024"),
    1 = gen_server:call(Bob, size),
    ok = gen_tcp:close(Socket),
    Beam = beam(),
    pong = ping(Beam, maps:get(node, Server)),
    ok = beam_case:stop(Beam),
    _ = good_client:stop(Good),
    0 = node_case:stop(Server).

limit_descriptors(Server, Number) ->
    "" = os:cmd("prlimit --nofile=" ++ Number ++ ": --pid " ++ integer_to_list(node_case:pid_of(Server))),
    ok.

%% Distribution over TLS, with BEAMs that speak it (-proto_dist inet_tls), and with others who do not.
-module(tls_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(D, {2023, 12, 19}).
-define(MS, 10000).
-define(EXPIRED, {validity, {{2001, 1, 1}, {2002, 1, 1}}}).

all() ->
    [{group, waiting}, beam_calls_over_each_version, node_connects_to_a_beam, keys_are_renewed_under_load,
     stopped_node_says_goodbye, only_allowed_hosts_by_certificate, certificates_are_reloaded,
     broken_certificates_are_not, command_lines, application_over_tls, application_without_its_beam,
     documented_walk_through, backup_over_tls, plain_and_tls_do_not_mix, garbage_hurts_nobody].

%% Those that wait most of their time do so together.
groups() ->
    [{waiting, [parallel], [half_open_handshakes_end, idle_connection_stays, beam_not_to_be_believed_is_refused,
                            beam_not_to_be_believed_is_not_connected_to]}].

init_per_suite(Config) ->
    ok = node_case:distribute(),
    Authority = tls_case:authority("todo suite"),
    Other = tls_case:authority("other"),
    Files = files(tls_case:certificate(Authority, node_case:host()), Authority),
    [{authority, Authority}, {other, Other}, {files, Files}, {beams, start_beams(Files)} | Config].

%% One for each version, for all cases: nodes of this suite's certificate.
start_beams(Files) ->
    Self = self(),
    Holder = spawn(fun() -> % which they are linked to
                           Beams = [{Version, tls_case:start_beam(Files, [{versions, [Version]}])}
                                    || Version <- versions()],
                           Self ! {self(), maps:from_list(Beams)},
                           receive forever -> ok end
                   end),
    receive {Holder, Beams} -> Beams after 60000 -> error(no_beams) end.

end_per_suite(Config) ->
    maps:foreach(fun(_, {Beam, _}) -> beam_case:stop(Beam) end, ?config(beams, Config)),
    node_case:clean().

init_per_testcase(_Case, Config) ->
    node_case:seed(),
    Config.

end_per_testcase(_Case, _Config) ->
    ok.

files(Certificate, Authority) ->
    tls_case:files(node_case:folder(), Certificate, Authority).

start(Config) ->
    start(Config, []).

start(Config, Arguments) ->
    node_case:start(#{arguments => tls_case:node_arguments(?config(files, Config)) ++ Arguments}).

versions() ->
    ['tlsv1.2', 'tlsv1.3'].

beam(Config, Version) ->
    map_get(Version, ?config(beams, Config)).

connect(Beam, #{node := Node}) ->
    beam_case:call(Beam, net_kernel, connect_node, [Node]).

call(Beam, To, Request) ->
    beam_case:call(Beam, gen_server, call, [To, Request]).

list(Beam, Server, Name) ->
    call(Beam, node_case:cache(Server), {server_process, Name}).

%% Waits for a line of the node's with both texts.
await_line(Server, Event, Text) ->
    try
        node_case:await(fun() -> has_line(node_case:lines(Server), Event, Text) end, ?MS)
    catch
        error:deadline -> ct:fail({no_line, Event, Text, node_case:lines(Server)})
    end.

has_line(Lines, Event, Text) ->
    lists:any(fun(Line) -> string:find(Line, Event) =/= nomatch andalso string:find(Line, Text) =/= nomatch end, Lines).

%% ---- BEAMs

beam_calls_over_each_version(Config) ->
    Server = start(Config),
    [begin
         {Beam, Node} = beam(Config, Version),
         ?assertEqual(true, connect(Beam, Server)),
         Bob = list(Beam, Server, atom_to_binary(Version)),
         {ok, 1} = call(Beam, Bob, {add_entry, #{date => ?D, title => <<"Dentist">>}}),
         ?assertMatch([#{title := <<"Dentist">>}], call(Beam, Bob, {entries, ?D})),
         ?assertEqual([Node], beam_case:call(Beam, rpc, call, [map_get(node, Server), erlang, nodes, [hidden]])),
         ?assertEqual(ok, beam_case:call(Beam, ?MODULE, large, [node_case:database(Server)])),
         ?assertEqual(killed, beam_case:call(Beam, ?MODULE, kill, [Bob])),
         true = beam_case:call(Beam, erlang, disconnect_node, [map_get(node, Server)]),
         await_line(Server, "event=down peer=" ++ atom_to_list(Node), "reason=closed_by_peer")
     end || Version <- versions()],
    ?assertEqual(0, node_case:stop(Server)).

%% In a BEAM: many records, back and forth.
large(Database) ->
    Value = rand:bytes(5000000),
    ok = gen_server:call(Database, {store, <<"large">>, Value}),
    case gen_server:call(Database, {get, <<"large">>}) of
        Value -> ok;
        _ -> different
    end.

%% In a BEAM: the reason with which a process ends that is killed.
kill(Pid) ->
    Monitor = monitor(process, Pid),
    exit(Pid, kill),
    receive {'DOWN', Monitor, process, Pid, Reason} -> Reason after ?MS -> no_down end.

%% One BEAM gives the node a pid on another one, which the node does not know yet.
node_connects_to_a_beam(Config) ->
    [begin
         Server = start(Config),
         {First, _} = beam(Config, From),
         {Second, Node} = beam(Config, To),
         Bob = list(First, Server, <<"bob">>),
         Waiting = beam_case:call(Second, erlang, spawn, [?MODULE, keep, [[]]]),
         {ok, _} = call(First, Bob, {subscribe, Waiting}),
         await_line(Server, "event=up", atom_to_list(Node)),
         {ok, _} = call(First, Bob, {add_entry, #{date => ?D, title => <<"Party">>}}),
         ?assertMatch([_], beam_case:call(Second, ?MODULE, kept, [Waiting, 1])),
         ?assertEqual(0, node_case:stop(Server))
     end || {From, To} <- [{'tlsv1.2', 'tlsv1.3'}, {'tlsv1.3', 'tlsv1.2'}]].

keep(Messages) ->
    receive
        {From, kept, Count} when length(Messages) >= Count -> From ! {self(), Messages};
        Message when element(2, Message) =/= kept -> keep([Message | Messages])
    end.

kept(Pid, Count) ->
    Pid ! {self(), kept, Count},
    receive {Pid, Messages} -> Messages after ?MS -> none end.

%% A BEAM negotiates anew by itself, over TLS 1.2 after so many records, over TLS 1.3 after so many bytes.
keys_are_renewed_under_load(Config) ->
    Server = start(Config),
    [begin
         {Beam, _} = tls_case:start_beam(?config(files, Config), [{versions, [Version]}, Often]),
         Lists = [list(Beam, Server, unicode:characters_to_binary(io_lib:format("~w ~b", [Version, N])))
                 || N <- lists:seq(1, 8)],
         ?assertEqual(ok, beam_case:call(Beam, ?MODULE, load, [map_get(node, Server), Lists, 300])),
         beam_case:stop(Beam)
     end || {Version, Often} <- [{'tlsv1.2', {renegotiate_at, 100}}, {'tlsv1.3', {key_update_at, 10000}}]],
    ?assertEqual(0, node_case:stop(Server)).

%% In a BEAM: as many callers as lists.
load(Node, Lists, Calls) ->
    true = erlang:monitor_node(Node, true),
    Title = binary:copy(<<"x">>, 3000),
    Work = fun(List) ->
                   Entries = [#{date => {2023, 1, N}, title => Title} || N <- [1, 2]],
                   [{ok, _}, {ok, _}] = [gen_server:call(List, {add_entry, Entry}) || Entry <- Entries],
                   [[_] = gen_server:call(List, {entries, {2023, 1, 1 + N rem 2}}) || N <- lists:seq(1, Calls)]
           end,
    Callers = [spawn_monitor(fun() -> Work(List) end) || List <- Lists],
    Reasons = [receive {'DOWN', Monitor, _, _, Reason} -> Reason end || {_, Monitor} <- Callers],
    receive
        {nodedown, Node} -> {lost, Reasons}
    after 0 -> case lists:usort(Reasons) of [normal] -> ok; Other -> Other end
    end.

%% Ticks in both directions.
idle_connection_stays(Config) ->
    Server = start(Config, ["--net-ticktime", "4"]),
    Beams = [tls_case:start_beam(?config(files, Config), [{versions, [Version]}], ["-kernel", "net_ticktime", "4"])
             || Version <- versions()],
    Watchers = [beam_case:call(Beam, erlang, spawn, [?MODULE, watch, [map_get(node, Server)]]) || {Beam, _} <- Beams],
    [await_line(Server, "event=up", atom_to_list(Node)) || {_, Node} <- Beams],
    receive after 6000 -> ok end, % a silent one would be lost after 5000
    [?assertEqual([], beam_case:call(Beam, ?MODULE, kept, [Watcher, 0]))
     || {{Beam, _}, Watcher} <- lists:zip(Beams, Watchers)],
    [beam_case:stop(Beam) || {Beam, _} <- Beams],
    ?assertEqual(0, node_case:stop(Server)).

watch(Node) ->
    true = erlang:monitor_node(Node, true),
    keep([]).

stopped_node_says_goodbye(Config) ->
    Server = #{node := Node} = start(Config),
    Beams = [Beam || Version <- versions(), {Beam, _} <- [beam(Config, Version)]],
    Watchers = [beam_case:call(Beam, erlang, spawn, [?MODULE, watch, [Node]]) || Beam <- Beams],
    [true = connect(Beam, Server) || Beam <- Beams],
    Started = erlang:monotonic_time(millisecond),
    ?assertEqual(0, node_case:stop(Server)),
    ?assert(erlang:monotonic_time(millisecond) - Started < 3000),
    [?assertEqual([{nodedown, Node}], beam_case:call(Beam, ?MODULE, kept, [Watcher, 1]))
     || {Beam, Watcher} <- lists:zip(Beams, Watchers)].

%% ---- who is refused

%% What a BEAM may have, and what is said about it where it connects and where it is connected to.
bad_certificates(Config) ->
    Authority = ?config(authority, Config),
    Host = node_case:host(),
    [{files(tls_case:certificate(?config(other, Config), Host), Authority), "unable to get local issuer certificate"},
     {files(tls_case:certificate(Authority, Host, [?EXPIRED]), Authority), "certificate has expired"}].

beam_not_to_be_believed_is_refused(Config) ->
    Server = start(Config),
    None = maps:with([ca], ?config(files, Config)),
    Stranger = (?config(files, Config))#{ca => map_get(ca, files(tls_case:certificate(?config(other, Config), "x"),
                                                                 ?config(other, Config)))},
    Cases = [{Files, "tls: its certificate: " ++ Text} || {Files, Text} <- bad_certificates(Config)]
        ++ [{None, "tls: peer did not return a certificate"}, {Stranger, "tls: it refuses: unknown CA"}],
    [begin
         {Beam, _} = tls_case:start_beam(Files, [{versions, [Version]}]),
         Before = node_case:lines(Server),
         ?assertEqual(false, connect(Beam, Server)),
         beam_case:stop(Beam),
         node_case:await(fun() -> length(node_case:lines(Server)) > length(Before) end, ?MS),
         ?assertEqual(["level=warn mod=connection event=not_connected peer=127.0.0.1 reason=" ++ Text],
                      lists:nthtail(length(Before), node_case:lines(Server)))
     end || {{Files, Text}, Version} <- lists:zip(Cases, versions() ++ versions())],
    ?assertEqual(0, node_case:stop(Server)).

%% A backup connects as the node does, and ends with what it was told.
beam_not_to_be_believed_is_not_connected_to(Config) ->
    Authority = ?config(authority, Config),
    Elsewhere = {files(tls_case:certificate(Authority, "elsewhere"), Authority), "hostname mismatch"},
    Arguments = tls_case:node_arguments(?config(files, Config)),
    [begin
         {Beam, Node} = tls_case:start_beam(Files, [{versions, [Version]}]),
         {Status, Output} = run(["backup", atom_to_list(Node), target() | Arguments]),
         ?assertEqual(1, Status),
         Reason = " reason=tls: its certificate: " ++ Text,
         ?assertNotEqual(nomatch, string:find(Output, "peer=" ++ atom_to_list(Node) ++ Reason)),
         ?assertNotEqual(nomatch, string:find(Output, ": no connection: no TLS: a certificate was refused")),
         ?assertEqual([], beam_case:call(Beam, erlang, nodes, [connected])),
         beam_case:stop(Beam)
     end || {{Files, Text}, Version} <- lists:zip([Elsewhere | bad_certificates(Config)], ['tlsv1.3' | versions()])].

target() ->
    filename:join(node_case:folder(), "copy").

run(Arguments) ->
    node_case:run(Arguments, [{"TODO_COOKIE", atom_to_list(erlang:get_cookie())}]).

%% As inet_tls_dist: where not all nodes are allowed, the certificate has to be for the host of the name.
only_allowed_hosts_by_certificate(Config) ->
    Server = start(Config, ["--allow", node_case:host()]),
    Authority = ?config(authority, Config),
    Elsewhere = files(tls_case:certificate(Authority, "elsewhere"), Authority),
    {Good, _} = beam(Config, 'tlsv1.3'),
    {Bad, _} = tls_case:start_beam(Elsewhere, [{versions, ['tlsv1.3']}]),
    ?assertEqual(true, connect(Good, Server)),
    ?assertEqual(false, connect(Bad, Server)),
    await_line(Server, "event=not_connected", "reason=refused"),
    beam_case:stop(Bad),
    ?assertEqual(0, node_case:stop(Server)).

%% ---- SIGHUP

reload(#{os_pid := OsPid}) ->
    "" = os:cmd("kill -HUP " ++ integer_to_list(OsPid)),
    ok.

own_files(Config) ->
    Authority = ?config(authority, Config),
    files(tls_case:certificate(Authority, node_case:host()), Authority).

certificates_are_reloaded(Config) ->
    Other = ?config(other, Config),
    Files = #{cert := Cert} = own_files(Config),
    Server = node_case:start(#{arguments => tls_case:node_arguments(Files)}),
    {Before, _} = beam(Config, 'tlsv1.2'),
    Bob = list(Before, Server, <<"bob">>),
    _ = tls_case:files(filename:dirname(Cert), tls_case:certificate(Other, node_case:host()), Other),
    ok = reload(Server),
    await_line(Server, "level=info mod=tls event=reloaded", Cert),
    {Late, _} = beam(Config, 'tlsv1.3'),
    ?assertEqual(false, connect(Late, Server)),
    {After, _} = tls_case:start_beam(files(tls_case:certificate(Other, node_case:host()), Other), []),
    ?assertEqual(true, connect(After, Server)),
    ?assertEqual([], call(Before, Bob, {entries, ?D})), % it was let in, and stays
    beam_case:stop(After),
    ?assertEqual(0, node_case:stop(Server)).

broken_certificates_are_not(Config) ->
    Files = #{cert := Cert, key := Key} = own_files(Config),
    Server = node_case:start(#{arguments => tls_case:node_arguments(Files)}),
    Expired = tls_case:certificate(?config(authority, Config), node_case:host(), [?EXPIRED]),
    Break = [{fun() -> file:write_file(Cert, <<"-----BEGIN CERTIFICATE-----\nMIIB">>) end, Cert},
             {fun() -> tls_case:files(filename:dirname(Cert), Expired, ?config(authority, Config)), ok end,
              "has expired"},
             {fun() -> file:change_mode(Key, 8#644) end, "must be accessible by its owner only"},
             {fun() -> file:delete(Key) end, "No such file"}],
    [begin
         ok = Do(),
         ok = reload(Server),
         await_line(Server, "level=error mod=tls event=not_reloaded", Text)
     end || {Do, Text} <- Break],
    {Beam, _} = beam(Config, 'tlsv1.3'),
    ?assertEqual(true, connect(Beam, Server)),
    ?assertEqual(0, node_case:stop(Server)).

%% ---- the program

command_lines(Config) ->
    Files = own_files(Config),
    Name = node_case:unique("todo"),
    Start = fun(Changed) ->
                    run(["--sname", Name, "--persist", target() | tls_case:node_arguments(maps:merge(Files, Changed))])
            end,
    Missing = "/nonexistent/file.pem",
    [begin
         {8, Output} = Start(#{Which => Missing}),
         ?assertEqual("level=error mod=main event=bad_tls " ++ Missing ++ ": No such file or directory\n", Output)
     end || Which <- [cert, key, ca]],
    ok = file:change_mode(map_get(key, Files), 8#644),
    {8, Open} = Start(#{}),
    ?assertNotEqual(nomatch, string:find(Open, "must be accessible by its owner only")),
    {2, Half} = run(["--sname", Name, "--tls-cert", map_get(cert, Files)]),
    ?assertNotEqual(nomatch, string:find(Half, "all of them or none")),
    {2, _} = run(["backup", Name, target(), "--tls-cert", map_get(cert, Files)]),
    {8, Backup} = run(["backup", Name, target() | tls_case:node_arguments(Files)]),
    ?assertEqual("todo_node: " ++ map_get(key, Files), string:slice(Backup, 0, 11 + length(map_get(key, Files)))).

application(Arguments, Env) ->
    Beam = beam_case:start(#{args => Arguments}),
    ok = beam_case:call(Beam, application, load, [todo]),
    All = [{sname, node_case:unique("todo")}, {persist, target()} | Env],
    ok = beam_case:call(Beam, application, set_env, [[{todo, All}]]),
    Beam.

application_env(#{cert := Cert, key := Key, ca := Authorities}) ->
    [{tls_cert, Cert}, {tls_key, Key}, {tls_ca, Authorities}].

%% The BEAM becomes a node for it.
application_over_tls(Config) ->
    Files = ?config(files, Config),
    Beam = application(tls_case:beam_arguments(Files, []), application_env(Files)),
    ok = beam_case:call(Beam, start, []),
    Bob = beam_case:call(Beam, server_process, [<<"bob">>]),
    {ok, 1} = beam_case:call(Beam, add_entry_sync, [Bob, #{date => ?D, title => <<"Dentist">>}]),
    ?assertMatch([#{title := <<"Dentist">>}], beam_case:call(Beam, entries, [Bob, ?D])),
    ok = beam_case:call(Beam, stop, []),
    beam_case:stop(Beam).

application_without_its_beam(Config) ->
    Files = ?config(files, Config),
    [begin
         Beam = application(Arguments, Env),
         {error, Reason} = beam_case:call(Beam, start, []),
         ?assertNotEqual(nomatch, string:find(io_lib:format("~p", [Reason]), Text)),
         beam_case:stop(Beam)
     end || {Arguments, Env, Text} <- [{[], application_env(Files), "needs_proto_dist_inet_tls"},
                                       {tls_case:beam_arguments(Files, []), [], "missing_for_proto_dist_inet_tls"}]].

%% Blocks of a section of docs/operations.md that are set in, as lists of lines.
blocks(Heading) ->
    {ok, Text} = file:read_file(filename:join([beam_case:root(), "docs", "operations.md"])),
    [_, Behind] = string:split(Text, "\n### " ++ Heading ++ "\n"),
    [Section, _] = string:split(Behind, "\n### "),
    {match, Blocks} = re:run(Section, "(?:\n    [^\n]*)+", [global, {capture, first, list}]),
    [[string:slice(Line, 4) || Line <- string:split(Block, "\n", all), Line =/= ""] || [Block] <- Blocks].

%% What the documentation says, command by command, in a folder of its own.
documented_walk_through(_Config) ->
    Folder = node_case:folder(),
    [Certificates, [Node], File, [Erl], [Backup]] = blocks("Walk through"),
    {0, _} = beam_case:shell(lists:join("\n", ["set -e", "cd " ++ Folder] ++ Certificates ++ File), []),
    "todo_node --sname todo " ++ Arguments = Node,
    Server = #{node := Name} =
        node_case:start(#{arguments => [in_folder(Word, Folder) || Word <- string:lexemes(Arguments, " ")]}),
    "erl -sname me " ++ Options = Erl,
    Call = "gen_server:call({'Elixir.Todo.Cache', '~s'}, {server_process, <<\"bob\">>})",
    Eval = lists:flatten(io_lib:format("io:format(\"~~p\", [catch " ++ Call ++ "]), halt().", [Name])),
    Command = ["cd ", Folder, "; erl -noinput -setcookie ", atom_to_list(erlang:get_cookie()),
               " -sname ", node_case:unique("me"), " ", Options, " -eval \"$EVAL\""],
    {0, Answer} = beam_case:shell(lists:flatten(Command), [{"EVAL", Eval}]),
    ?assertMatch({match, _}, re:run(Answer, "^<[0-9]+\\.[0-9]+\\.[0-9]+>$")),
    "todo_node backup todo copy " ++ Same = Backup,
    ?assertEqual(Arguments, Same),
    {0, _} = run(["backup", atom_to_list(Name), filename:join(Folder, "copy")
                  | [in_folder(Word, Folder) || Word <- string:lexemes(Same, " ")]]),
    ?assertEqual(0, node_case:stop(Server)).

in_folder("--" ++ _ = Option, _) -> Option;
in_folder(File, Folder) -> filename:join(Folder, File).

backup_over_tls(Config) ->
    Server = #{node := Node} = start(Config),
    {Beam, _} = beam(Config, 'tlsv1.3'),
    Bob = list(Beam, Server, <<"bob">>),
    {ok, 1} = call(Beam, Bob, {add_entry, #{date => ?D, title => <<"Dentist">>}}),
    Target = target(),
    ?assertMatch({0, "backup: " ++ _},
                 run(["backup", atom_to_list(Node), Target | tls_case:node_arguments(?config(files, Config))])),
    ?assertEqual(0, node_case:stop(Server)),
    {0, Dump} = run(["dump", Target]),
    ?assertNotEqual(nomatch, string:find(Dump, "Dentist")).

%% ---- others

port(Server) ->
    [Line] = [Line || Line <- node_case:lines(Server), string:find(Line, "event=started") =/= nomatch],
    {match, [Port]} = re:run(Line, "port=([0-9]+)", [{capture, all_but_first, list}]),
    list_to_integer(Port).

connect_tcp(Server) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, port(Server), [binary, {active, false}], ?MS),
    Socket.

%% What arrives until the other side ends it.
until_closed(Socket) ->
    until_closed(Socket, []).

until_closed(Socket, Bytes) ->
    case gen_tcp:recv(Socket, 0, ?MS) of
        {ok, More} -> until_closed(Socket, [Bytes, More]);
        {error, Reason} when Reason =:= closed; Reason =:= econnreset -> iolist_to_binary(Bytes)
    end.

plain_and_tls_do_not_mix(Config) ->
    Tls = start(Config),
    Plain = node_case:start(),
    %% this BEAM speaks no TLS
    ?assertEqual(false, net_kernel:connect_node(map_get(node, Tls))),
    await_line(Tls, "event=not_connected peer=127.0.0.1", "reason=tls: wrong version number"),
    {Beam, _} = beam(Config, 'tlsv1.3'),
    ?assertEqual(false, connect(Beam, Plain)),
    await_line(Plain, "event=not_connected peer=127.0.0.1", "reason=too_large"),
    Arguments = tls_case:node_arguments(?config(files, Config)),
    {1, ToPlain} = run(["backup", atom_to_list(map_get(node, Plain)), target() | Arguments]),
    ?assertNotEqual(nomatch, string:find(ToPlain, "no connection: no TLS")),
    {3, ToTls} = run(["backup", atom_to_list(map_get(node, Tls)), target()]),
    ?assertNotEqual(nomatch, string:find(ToTls, "or wants TLS")),
    ?assertEqual(true, connect(Beam, Tls)),
    [?assertEqual(0, node_case:stop(Server)) || Server <- [Tls, Plain]].

garbage_hurts_nobody(Config) ->
    Server = start(Config),
    {Beam, _} = beam(Config, 'tlsv1.3'),
    Bob = list(Beam, Server, <<"bob">>),
    Hello = client_hello(),
    Head = binary:part(Hello, 0, 5),
    Pieces = [rand:bytes(10000000), <<0:80000000>>, <<22, 3, 1, 16#ffff:16, 0:80000>>,
              <<22, 3, 1, 16384:16, 1, 16#ffffff:24, 0:131040>>, Head, binary:part(Hello, 0, 100),
              [Head, rand:bytes(byte_size(Hello) - 5)], [Hello, rand:bytes(100000)],
              [Hello | lists:duplicate(1000, <<20, 3, 3, 1:16, 1>>)], <<23, 3, 3, 100:16, 0:800>>,
              <<21, 3, 3, 2:16, 2, 40>>],
    Memory = memory(Server),
    [begin
         Socket = connect_tcp(Server),
         _ = gen_tcp:send(Socket, Piece),
         _ = gen_tcp:shutdown(Socket, write),
         Alert = until_closed(Socket),
         ?assert(byte_size(Alert) < 4000),
         ok = gen_tcp:close(Socket),
         {Time, []} = timer:tc(fun() -> call(Beam, Bob, {entries, ?D}) end),
         ?assert(Time < 100000)
     end || Piece <- Pieces ++ Pieces],
    ?assert(memory(Server) - Memory < 20000),
    ?assertEqual(0, node_case:stop(Server)).

%% What a client says first.
client_hello() ->
    {ok, Listening} = gen_tcp:listen(0, [binary, {active, false}, {ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Listening),
    {Client, Monitor} = spawn_monitor(fun() -> ssl:connect({127, 0, 0, 1}, Port, [{verify, verify_none}]) end),
    {ok, Socket} = gen_tcp:accept(Listening, ?MS),
    {ok, <<Head:5/binary>>} = gen_tcp:recv(Socket, 5, ?MS),
    <<_:24, Size:16>> = Head,
    {ok, Body} = gen_tcp:recv(Socket, Size, ?MS),
    exit(Client, kill),
    receive {'DOWN', Monitor, process, Client, _} -> ok end,
    [ok = gen_tcp:close(Open) || Open <- [Socket, Listening]],
    <<Head/binary, Body/binary>>.

%% KiB.
memory(#{os_pid := OsPid}) ->
    {ok, Text} = file:read_file("/proc/" ++ integer_to_list(OsPid) ++ "/status"),
    {match, [Kib]} = re:run(Text, "VmRSS:\\s+([0-9]+)", [{capture, all_but_first, list}]),
    list_to_integer(Kib).

%% As many as may be under way, in each state in which one can stop, and more. All of them end by the deadline, and
%% who is connected does not notice.
half_open_handshakes_end(Config) ->
    Server = start(Config),
    {Beam, _} = beam(Config, 'tlsv1.3'),
    Bob = list(Beam, Server, <<"bob">>),
    Hello = client_hello(),
    Starts = [<<>>, binary:part(Hello, 0, 3), binary:part(Hello, 0, 100), Hello],
    Memory = memory(Server),
    Sockets = [begin
                   Socket = connect_tcp(Server),
                   ok = gen_tcp:send(Socket, lists:nth(1 + N rem 4, Starts)),
                   Socket
               end || N <- lists:seq(1, 300)],
    Time = lists:min([element(1, timer:tc(fun() -> [] = call(Beam, Bob, {entries, ?D}) end)) || _ <- [1, 2, 3]]),
    ?assert(Time < 100000),
    Grown = memory(Server) - Memory,
    {Late, _} = beam(Config, 'tlsv1.2'),
    node_case:await(fun() -> connect(Late, Server) end, 20000),
    await_line(Server, "event=not_connected peer=127.0.0.1", "reason=timeout"),
    ct:pal("good caller: ~b us; memory for 256 half-open handshakes: ~b KiB", [Time, Grown]),
    ?assert(Grown < 40000),
    [ok = gen_tcp:close(Socket) || Socket <- Sockets],
    ?assertEqual(0, node_case:stop(Server)).

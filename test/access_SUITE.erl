%% Who may come in, from where, and what others on the machine can see of the node.
-module(access_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(DEADLINE_MS, 30000).

all() ->
    [allowed_node_comes_in_others_do_not, allowed_host_comes_in, refused_node_is_not_connected_to,
     ipv6_peers_connect_both_ways, files_and_folder_are_the_owners, cookie_is_nowhere_to_be_seen,
     other_process_of_the_user_cannot_look_inside, nor_into_a_command].

suite() ->
    [{timetrap, {minutes, 2}}].

init_per_suite(Config) ->
    ok = node_case:distribute(),
    Config.

end_per_suite(_Config) ->
    node_case:clean().

%% ---- cases ----

%% As net_kernel:allow/1 on a BEAM: the one gets in, the other reads not_allowed.
allowed_node_comes_in_others_do_not(_Config) ->
    Good = node_case:node_name(node_case:unique("good")),
    Server = #{node := Node} = start(["--allow", "nobody@nowhere", "--allow", atom_to_list(Good)]),
    Ours = client(Good),
    Other = client(node_case:node_name(node_case:unique("other"))),
    ?assertEqual(true, connect(Ours, Node)),
    ?assertEqual(false, connect(Other, Node)),
    ?assertEqual(false, net_kernel:connect_node(Node)),
    ?assertEqual(0, beam_case:call(Ours, gen_server, call, [{'Elixir.Todo.Cache', Node}, count])),
    ?assertMatch([_ | _], [Line || Line <- node_case:lines(Server), string:find(Line, "refused") =/= nomatch]),
    [beam_case:stop(Beam) || Beam <- [Ours, Other]],
    0 = node_case:stop(Server).

allowed_host_comes_in(_Config) ->
    Here = start(["--allow", node_case:host()]),
    Elsewhere = start(["--allow", "elsewhere"]),
    ?assertEqual(true, net_kernel:connect_node(maps:get(node, Here))),
    ?assertEqual(false, net_kernel:connect_node(maps:get(node, Elsewhere))),
    [0 = node_case:stop(Server) || Server <- [Here, Elsewhere]].

%% A message to a node that is not allowed goes nowhere.
refused_node_is_not_connected_to(_Config) ->
    Good = node_case:node_name(node_case:unique("good")),
    Server = #{node := Node} = start(["--allow", atom_to_list(Good)]),
    Ours = client(Good),
    Bob = beam_case:call(Ours, gen_server, call, [{'Elixir.Todo.Cache', Node}, {server_process, <<"bob">>}]),
    %% The answer to the first would come here, if it could; the second is answered after it.
    _ = beam_case:call(Ours, erlang, send, [Bob, {'$gen_call', {self(), make_ref()}, size}]),
    ?assertEqual(0, beam_case:call(Ours, gen_server, call, [Bob, size])),
    ?assertEqual([Good], beam_case:call(Ours, rpc, call, [Node, erlang, nodes, [connected]])),
    ?assertNot(lists:member(Node, nodes(connected))),
    beam_case:stop(Ours),
    0 = node_case:stop(Server).

%% BEAMs with -proto_dist inet6_tcp; what the node sends to one that it does not know is sent over IPv6 as well.
ipv6_peers_connect_both_ways(_Config) ->
    Name = node_case:unique("todo") ++ "@::1",
    Server = node_case:launch(#{name => Name, name_option => "--name", arguments => ["--listen", "::1"]}),
    ok = node_case:ready(Server),
    Node = list_to_atom(Name),
    [A, B] = [client6(list_to_atom(node_case:unique("six") ++ "@::1")) || _ <- [a, b]],
    Bob = beam_case:call(A, gen_server, call, [{'Elixir.Todo.Cache', Node}, {server_process, <<"bob">>}]),
    Tag = make_ref(),
    ?assertEqual([], beam_case:call(B, erlang, nodes, [connected])),
    Waiting = beam_case:call(B, ?MODULE, wait_for, [Tag]),
    _ = beam_case:call(A, erlang, send, [Bob, {'$gen_call', {Waiting, Tag}, size}]),
    ?assertEqual({Tag, 0}, beam_case:call(B, ?MODULE, got, [Waiting])),
    ?assertEqual([Node], beam_case:call(B, erlang, nodes, [hidden])),
    [beam_case:stop(Beam) || Beam <- [A, B]],
    0 = node_case:stop(Server).

files_and_folder_are_the_owners(_Config) ->
    Folder = filename:join(node_case:folder(), "new"),
    Server = node_case:start(#{folder => Folder}),
    {ok, 1} = gen_server:call(node_case:list(Server, <<"bob">>), {add_entry, #{date => 1}}),
    Live = modes(Folder),
    0 = node_case:stop(Server),
    ?assertEqual(8#700, mode(Folder)),
    ?assertMatch([_ | _], Live),
    ?assertEqual([{"bob", 8#600}], modes(Folder)),
    ?assertEqual([], [File || {_, Mode} = File <- Live, Mode =/= 8#600]).

cookie_is_nowhere_to_be_seen(_Config) ->
    Cookie = atom_to_list(erlang:get_cookie()),
    Server = start(["--log-level", "debug"]),
    {ok, 1} = gen_server:call(node_case:list(Server, <<"bob">>), {add_entry, #{date => 1}}),
    Proc = "/proc/" ++ integer_to_list(node_case:pid_of(Server)),
    Seen = [element(2, {ok, _} = file:read_file(filename:join(Proc, File))) || File <- ["cmdline", "environ"]],
    ?assertEqual([], [Text || Text <- Seen ++ node_case:lines(Server), string:find(Text, Cookie) =/= nomatch]),
    0 = node_case:stop(Server).

%% Its memory is not dumped and cannot be read, not even by a process of the same user: the files in /proc that show it
%% are root's.
other_process_of_the_user_cannot_look_inside(_Config) ->
    as_another_user(fun look_inside/1).

%% A command that has read the cookie waits for a node that does not answer.
nor_into_a_command(_Config) ->
    as_another_user(fun look_into_command/1).

as_another_user(Look) ->
    case {os:cmd("id -u"), os:find_executable("setpriv"), is_sanitized()} of
        {_, _, true} -> {skip, "LeakSanitizer has to trace the node"};
        {"0\n", Setpriv, false} when is_list(Setpriv) ->
            Folder = node_case:folder(),
            ok = filelib:ensure_dir(filename:join(Folder, "x")),
            ok = file:change_owner(Folder, 65534, 65534),
            Program = filename:join(filename:dirname(Folder), "todo_node"),
            {ok, _} = file:copy(node_case:program(), Program),
            ok = file:change_mode(Program, 8#755),
            Look(#{folder => Folder, program => Program,
                   as => [Setpriv, "--reuid=65534", "--regid=65534", "--clear-groups"]});
        _ -> {skip, "only root can start a node as another user"}
    end.

is_sanitized() ->
    {ok, Program} = file:read_file(node_case:program()),
    binary:match(Program, <<"__asan_init">>) =/= nomatch.

look_inside(#{folder := Folder, as := As}) ->
    Server = node_case:start(#{folder => Folder, prefix => As}),
    Memory = "/proc/" ++ integer_to_list(node_case:pid_of(Server)) ++ "/mem",
    Owner = os:cmd("stat -c %u " ++ Memory),
    Read = os:cmd(string:join(As ++ ["head -c 1 " ++ Memory], " ")),
    0 = node_case:stop(Server),
    ?assertEqual("0\n", Owner),
    ?assertNotEqual(nomatch, string:find(Read, "ermission denied")).

look_into_command(#{folder := Folder, program := Program, as := [Setpriv | Options]}) ->
    Server = #{node := Node} = start([]),
    NodePid = integer_to_list(node_case:pid_of(Server)),
    "" = os:cmd("kill -STOP " ++ NodePid),
    Command = Options ++ [Program, "backup", atom_to_list(Node), filename:join(Folder, "copy")],
    Port = open_port({spawn_executable, Setpriv},
                     [{args, Command}, {env, [{"TODO_COOKIE", atom_to_list(erlang:get_cookie())}]}, exit_status,
                      stderr_to_stdout, binary]),
    {os_pid, Pid} = erlang:port_info(Port, os_pid),
    Proc = "/proc/" ++ integer_to_list(Pid),
    Runs = list_to_binary(Program ++ [0]),
    node_case:await(fun() ->
                            {ok, Line} = file:read_file(Proc ++ "/cmdline"),
                            string:prefix(Line, Runs) =/= nomatch
                    end),
    node_case:await(fun() -> os:cmd("stat -c %u " ++ Proc ++ "/mem") =:= "0\n" end),
    "" = os:cmd("kill -CONT " ++ NodePid),
    receive {Port, {exit_status, _}} -> ok after ?DEADLINE_MS -> error(timeout) end,
    0 = node_case:stop(Server).

%% ---- helpers ----

start(Arguments) ->
    Server = node_case:launch(#{arguments => Arguments}),
    ok = node_case:ready(Server),
    Server.

client(Name) ->
    start_client(["-sname", atom_to_list(Name)]).

client6(Name) ->
    start_client(["-proto_dist", "inet6_tcp", "-name", atom_to_list(Name)]).

start_client(Arguments) ->
    Beam = beam_case:start(#{args => Arguments ++ ["-hidden", "-setcookie", atom_to_list(erlang:get_cookie())]}),
    {Module, Code, File} = code:get_object_code(?MODULE),
    {module, Module} = beam_case:call(Beam, code, load_binary, [Module, File, Code]),
    Beam.

connect(Beam, Node) ->
    beam_case:call(Beam, net_kernel, connect_node, [Node]).

%% A process that keeps the message with that tag until it is asked for.
wait_for(Tag) ->
    spawn(fun() -> receive Message when element(1, Message) =:= Tag -> keep(Message) end end).

keep(Message) ->
    receive {From, message} -> From ! {self(), Message} end.

got(Pid) ->
    Pid ! {self(), message},
    receive {Pid, Message} -> Message after ?DEADLINE_MS -> nothing end.

modes(Folder) ->
    {ok, Names} = file:list_dir_all(Folder),
    [{Name, mode(filename:join(Folder, Name))} || Name <- Names].

mode(File) ->
    {ok, Info} = file:read_file_info(File),
    element(8, Info) band 8#777.

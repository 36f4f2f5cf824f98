%% The programs that are measured, each an operating-system process of its own: ours, the reference, the floor; and the
%% BEAM that is their client. They end with this BEAM at the latest.
%%
%% The process that starts one has to end it; discard_all/1 ends what is left.
-module(bench_subject).

-export([start/2, restart/2, stop/1, kill/1, discard_all/1, call/4, program/2, knows/2, run/2]).

-export_type([kind/0, subject/0, place/0]).

%% floor: a C node that answers everything with this term. Options of ours: more arguments.
-type kind() :: ours | {ours, Arguments :: [string()]} | reference | {floor, term()} | client.
%% port: of a program; peer: of a BEAM.
-type subject() :: #{kind := kind(), node := node(), os_pid := integer(), folder := file:filename(),
                     ready_ms := float(), port => port(), peer => pid()}.
%% Where all of one run live. root: the checkout; modules: the folder of these modules.
-type place() :: #{folder := file:filename(), root := file:filename(), modules := [file:filename()],
                   cookie := string(), _ => _}.

-define(STARTED, {?MODULE, started}). % in the dictionary of the process that has started them
-define(READY_MS, 120000).
-define(STOP_MS, 120000).

%% Returns when it answers calls; ready_ms: how long that took, of a BEAM without the start of the BEAM itself.
-spec start(kind(), place()) -> subject().
start(Kind, #{folder := Root} = Place) ->
    Folder = filename:join(Root, unique("data")),
    ok = filelib:ensure_dir(filename:join(Folder, ".")),
    started(start(Kind, Folder, Place)).

%% One that was stopped or killed, on the same folder.
-spec restart(subject(), place()) -> subject().
restart(#{kind := Kind, folder := Folder}, Place) ->
    started(start(Kind, Folder, Place)).

started(Subject) ->
    _ = put(?STARTED, [Subject | running()]),
    Subject.

ended(#{os_pid := OsPid}) ->
    _ = put(?STARTED, [Subject || #{os_pid := Of} = Subject <- running(), Of =/= OsPid]),
    ok.

running() ->
    case get(?STARTED) of
        undefined -> [];
        Subjects -> Subjects
    end.

start(reference, Folder, Place) ->
    #{peer := Peer} = Subject = beam(reference, Folder, Place),
    {Us, ok} = timer:tc(fun() -> peer:call(Peer, reference, start, [Folder], infinity) end),
    Subject#{ready_ms => Us / 1000};
start(client, Folder, Place) ->
    beam(client, Folder, Place);
start({floor, Answer}, Folder, Place) ->
    File = filename:join(Folder, "answer"),
    ok = file:write_file(File, term_to_binary(Answer)),
    Name = unique("floor"),
    program({floor, Answer}, Name, Folder, program(floor, Place), ["--sname", Name, "--reply-file", File], Place);
start(ours, Folder, Place) ->
    start({ours, []}, Folder, Place);
start({ours, More} = Kind, Folder, Place) ->
    Name = unique("ours"),
    program(Kind, Name, Folder, program(ours, Place),
            ["--sname", Name, "--persist", Folder, "--exit-on-eof", "--log-level", "error" | More], Place).

%% ---- BEAMs ----

beam(Kind, Folder, #{modules := Modules, cookie := Cookie}) ->
    Arguments = ["-pa" | Modules] ++ ["-setcookie", Cookie, "-connect_all", "false",
                                      "-kernel", "prevent_overlapping_partitions", "false"],
    {ok, Peer, Node} = peer:start_link(#{connection => standard_io, shutdown => close, wait_boot => ?READY_MS,
                                         exec => os:find_executable("erl"), name => unique(atom_to_list(Kind)),
                                         args => Arguments}),
    OsPid = list_to_integer(peer:call(Peer, os, getpid, [])),
    #{kind => Kind, node => Node, os_pid => OsPid, folder => Folder, peer => Peer, ready_ms => 0.0}.

%% In the client, or the reference. An exception there is one here.
-spec call(subject(), module(), atom(), [term()]) -> term().
call(#{peer := Peer}, Module, Function, Arguments) ->
    peer:call(Peer, Module, Function, Arguments, infinity).

%% ---- programs ----

-spec program(ours | floor | batch_client, place()) -> file:filename().
program(ours, #{root := Root}) ->
    case os:getenv("TODO_NODE_PROGRAM") of
        false -> filename:join(Root, "priv/todo_node");
        Program -> Program
    end;
program(Name, #{root := Root}) ->
    filename:join([Root, "build/bench", Name]).

program(Kind, Name, Folder, Program, Arguments, Place) ->
    Begin = erlang:monotonic_time(microsecond),
    Port = port(Program, Arguments, [{line, 4096}], Place),
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    receive
        {Port, {data, {eol, "ready " ++ Node}}} ->
            #{kind => Kind, node => list_to_atom(Node), os_pid => OsPid, folder => Folder, port => Port,
              ready_ms => (erlang:monotonic_time(microsecond) - Begin) / 1000};
        {Port, {exit_status, Status}} ->
            error({not_started, Name, Status})
    after ?READY_MS ->
            port_close(Port),
            error({not_ready, Name})
    end.

%% It gets SIGTERM when what started it is gone, because not every one watches its stdin.
port(Program, Arguments, Settings, Place) ->
    open_port({spawn_executable, os:find_executable("setpriv")},
              [{args, ["--pdeathsig", "TERM", Program, "--cookie-file", cookie_file(Place) | Arguments]}, exit_status,
               use_stdio, hide | Settings]).

cookie_file(#{folder := Root, cookie := Cookie}) ->
    File = filename:join(Root, "cookie"),
    ok = file:write_file(File, Cookie),
    ok = file:change_mode(File, 8#600),
    File.

%% A program that ends by itself: what it has written on stdout. Another exit status than 0 is an error.
-spec run({file:filename(), [string()]}, place()) -> string().
run({Program, Arguments}, Place) ->
    output(port(Program, Arguments, [], Place), []).

output(Port, Output) ->
    receive
        {Port, {data, Data}} -> output(Port, [Output | Data]);
        {Port, {exit_status, 0}} -> lists:flatten(Output);
        {Port, {exit_status, Status}} -> error({exit_status, Status, lists:flatten(Output)})
    end.

%% Whether the program knows this option.
-spec knows(string(), file:filename()) -> boolean().
knows(Option, Program) ->
    string:find(os:cmd(Program ++ " --help"), Option) =/= nomatch.

%% ---- ends ----

%% In order; a BEAM just ends. The folder stays, for restart.
-spec stop(subject()) -> ok.
stop(#{peer := Peer} = Subject) ->
    ok = ended(Subject),
    peer:stop(Peer);
stop(Subject) ->
    ok = ended(Subject),
    0 = signalled("TERM", Subject),
    ok.

%% kill -9. The folder stays.
-spec kill(subject()) -> ok.
kill(#{peer := Peer, os_pid := OsPid} = Subject) ->
    ok = ended(Subject),
    true = unlink(Peer),
    Monitor = monitor(process, Peer),
    _ = os:cmd("kill -KILL " ++ integer_to_list(OsPid)),
    receive {'DOWN', Monitor, process, Peer, _} -> ok after ?STOP_MS -> error(does_not_end) end;
kill(Subject) ->
    ok = ended(Subject),
    _ = signalled("KILL", Subject),
    ok.

%% Kills whatever this process has started and not ended, and removes what there is in the folder.
-spec discard_all(place()) -> ok.
discard_all(#{folder := Root}) ->
    ok = lists:foreach(fun kill/1, running()),
    lists:foreach(fun(Folder) -> ok = file:del_dir_r(Folder) end, filelib:wildcard(filename:join(Root, "bench_*"))).

signalled(Signal, #{os_pid := OsPid, port := Port}) ->
    _ = os:cmd("kill -" ++ Signal ++ " " ++ integer_to_list(OsPid)),
    receive {Port, {exit_status, Status}} -> Status after ?STOP_MS -> error(does_not_end) end.

unique(What) ->
    lists:concat(["bench_", What, "_", os:getpid(), "_", erlang:unique_integer([positive])]).

%% Namespaces of the Linux kernel: a network, a set of mounts or a host name of one's own. A place is a process in them
%% that does nothing; they go when it does. Made by root, or by anybody where the kernel lets users have namespaces.
-module(namespace).

-export([refused/1, start/1, start/2, stop/1, inside/1, run/2, os_pid/1]).

-type kind() :: net | mount | uts.
-type place() :: #{port := port(), kinds := [kind()]}.
-export_type([place/0]).

-define(DEADLINE_MS, 30000).

%% false, or why there can be none here.
-spec refused([kind()]) -> false | string().
refused(Kinds) ->
    case os:cmd(string:join(unshare(Kinds) ++ ["true"], " ")) of
        "" -> false;
        Why -> Why
    end.

-spec start([kind()]) -> place().
start(Kinds) ->
    started(unshare(Kinds) ++ ["cat"], Kinds).

%% Another one, which processes in the first may change.
-spec start([kind()], place()) -> place().
start(Kinds, Beside) ->
    case is_root() of
        true -> start(Kinds);
        false -> started(inside(Beside) ++ ["unshare" | options(Kinds)] ++ ["cat"], Kinds)
    end.

-spec stop(place()) -> ok.
stop(#{port := Port}) ->
    true = port_close(Port),
    ok.

%% Command and arguments with which a command runs there; it replaces them.
-spec inside(place()) -> [string()].
inside(#{kinds := Kinds} = Place) ->
    User = case is_root() of
               true -> [];
               false -> ["--user", "--preserve-credentials"]
           end,
    ["nsenter", "--target", integer_to_list(os_pid(Place)) | User] ++ options(Kinds).

%% A command that writes nothing unless it fails.
-spec run(place(), string()) -> ok.
run(Place, Command) ->
    "" = os:cmd(string:join(inside(Place) ++ [Command], " ")),
    ok.

-spec os_pid(place()) -> integer().
os_pid(#{port := Port}) ->
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    OsPid.

is_root() ->
    os:cmd("id -u") =:= "0\n".

options(Kinds) ->
    ["--" ++ atom_to_list(Kind) || Kind <- Kinds].

unshare(Kinds) ->
    ["unshare" | case is_root() of true -> []; false -> ["--user", "--map-root-user"] end] ++ options(Kinds).

%% cat answers: it runs in its namespaces.
started([Command | Arguments], Kinds) ->
    Port = open_port({spawn_executable, os:find_executable(Command)},
                     [{args, Arguments}, {line, 4096}, exit_status, stderr_to_stdout]),
    true = port_command(Port, "here\n"),
    receive
        {Port, {data, {eol, "here"}}} -> #{port => Port, kinds => Kinds};
        {Port, {data, {eol, Line}}} -> error(Line)
    after ?DEADLINE_MS -> error(no_namespace)
    end.

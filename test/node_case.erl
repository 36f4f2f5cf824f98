%% What every suite needs: a C node of its own, started, stopped and killed; terms and names that nobody else uses.
%%
%% The program is started as its owner starts it: by a port whose end of stdin is the node's life line
%% (--exit-on-eof). A holder process owns the port, so that a node started in init_per_suite outlives it.
-module(node_case).

-export([distribute/0, program/0, start/0, start/1, launch/1, ready/1]).
-export([stop/1, kill/1, status/1, release/1, pid_of/1, lines/1]).
-export([run/2, run/3, folder/0, clean/0, unique/1, host/0, node_name/1]).
-export([cache/1, database/1, list/2, await/1, await/2, down/2, seed/0, fresh_seed/0]).

-type server() :: #{node := node(), holder := pid(), folder := file:filename(), os_pid := integer(),
                    arguments := [string()]}.
-export_type([server/0]).

-define(DEADLINE_MS, 30000).

%% This BEAM becomes a node with a name that no other run has.
-spec distribute() -> ok.
distribute() ->
    case is_alive() of
        true ->
            ok;
        false ->
            Epmd = case os:find_executable("epmd") of
                       false -> filename:join([code:root_dir(), "bin", "epmd"]);
                       Found -> Found
                   end,
            _ = os:cmd(Epmd ++ " -daemon"),
            {ok, _} = net_kernel:start(list_to_atom(unique("suite")), #{name_domain => shortnames}),
            ok
    end.

-spec program() -> file:filename().
program() ->
    case os:getenv("TODO_NODE_PROGRAM") of
        false -> filename:join(code:priv_dir(todo), "todo_node");
        Program -> Program
    end.

-spec start() -> server().
start() ->
    start(#{}).

%% Options: folder, name (short, or NAME@HOST), name_option (--sname), arguments (more of them), env, prefix (a command that becomes the program). Waits until the node answers calls.
-spec start(map()) -> server().
start(Options) ->
    Server = launch(Options),
    ok = ready(Server),
    Server.

%% The same without waiting.
-spec launch(map()) -> server().
launch(Options) ->
    ok = distribute(),
    Folder = maps:get(folder, Options, folder()),
    Name = maps:get(name, Options, unique("todo")),
    Arguments = [maps:get(name_option, Options, "--sname"), Name, "--persist", Folder, "--exit-on-eof" | maps:get(arguments, Options, [])],
    Env = [{"TODO_COOKIE", atom_to_list(erlang:get_cookie())} | maps:get(env, Options, [])],
    Self = self(),
    Command = maps:get(prefix, Options, []) ++ [program() | Arguments],
    {Holder, Monitor} = spawn_monitor(fun() -> open(Self, Command, Env) end),
    receive
        {Holder, {launched, OsPid}} ->
            demonitor(Monitor, [flush]),
            #{node => node_name(Name), holder => Holder, folder => Folder, os_pid => OsPid, arguments => Arguments};
        {'DOWN', Monitor, process, Holder, Reason} ->
            error({not_started, Reason})
    end.

%% Waits until a launched node answers calls.
-spec ready(server()) -> ok.
ready(#{holder := Holder}) ->
    Holder ! {self(), ready},
    receive
        {Holder, ready} ->
            ok;
        {Holder, {not_ready, Status, Lines}} ->
            error({not_started, {status, Status, Lines}})
    after ?DEADLINE_MS ->
            exit(Holder, kill),
            error(not_ready)
    end.

%% SIGTERM; the exit status.
-spec stop(server()) -> non_neg_integer().
stop(#{os_pid := OsPid} = Server) ->
    _ = os:cmd("kill -TERM " ++ integer_to_list(OsPid)),
    ended(Server).

%% kill -9.
-spec kill(server()) -> non_neg_integer().
kill(#{os_pid := OsPid} = Server) ->
    _ = os:cmd("kill -KILL " ++ integer_to_list(OsPid)),
    ended(Server).

%% Closes the node's stdin; the exit status is lost with the port.
-spec release(server()) -> ok.
release(#{holder := Holder, node := Node}) ->
    monitor_node(Node, true),
    Monitor = monitor(process, Holder),
    Holder ! {self(), close},
    receive {'DOWN', Monitor, process, Holder, _} -> ok end,
    receive {nodedown, Node} -> ok after ?DEADLINE_MS -> error(still_there) end.

-spec pid_of(server()) -> integer().
pid_of(#{os_pid := OsPid}) ->
    OsPid.

%% What the node has written on stderr so far.
-spec lines(server()) -> [string()].
lines(#{holder := Holder}) ->
    Holder ! {self(), lines},
    receive {Holder, {lines, Lines}} -> Lines after ?DEADLINE_MS -> error(no_lines) end.

%% The exit status of a node that ends by itself.
-spec status(server()) -> non_neg_integer().
status(Server) ->
    ended(Server).

ended(#{holder := Holder}) ->
    Holder ! {self(), status},
    receive {Holder, {status, Status}} -> Status after ?DEADLINE_MS -> error(not_ended) end.

%% ---- the holder ----

open(Starter, [Program | Arguments], Env) ->
    Port = open_port({spawn_executable, os:find_executable(Program)},
                     [{args, Arguments}, {env, Env}, {line, 4096}, exit_status, stderr_to_stdout, use_stdio, hide]),
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    Starter ! {self(), {launched, OsPid}},
    hold(Port, [], starting).

%% Status: of the program, an integer once it has ended.
hold(Port, Lines, Status) ->
    receive
        {Port, {data, {eol, "ready " ++ _}}} when Status =:= starting ->
            hold(Port, Lines, running);
        {Port, {data, {_, Line}}} ->
            hold(Port, [Line | Lines], Status);
        {Port, {exit_status, New}} ->
            hold(Port, Lines, New);
        {From, ready} when Status =:= running ->
            From ! {self(), ready},
            hold(Port, Lines, Status);
        {From, ready} when is_integer(Status) ->
            From ! {self(), {not_ready, Status, lists:reverse(Lines)}};
        {From, lines} ->
            From ! {self(), {lines, lists:reverse(Lines)}},
            hold(Port, Lines, Status);
        {From, status} when is_integer(Status) ->
            From ! {self(), {status, Status}};
        {_From, close} ->
            port_close(Port)
    end.

%% Runs the program until it ends by itself: exit status and everything it wrote.
-spec run([string()], [{string(), string() | false}]) -> {non_neg_integer(), string()}.
run(Arguments, Env) ->
    run(program(), Arguments, Env).

-spec run(file:filename(), [string()], [{string(), string() | false}]) -> {non_neg_integer(), string()}.
run(Program, Arguments, Env) ->
    Port = open_port({spawn_executable, Program},
                     [{args, Arguments}, {env, Env}, exit_status, stderr_to_stdout, use_stdio, hide]),
    collect(Port, []).

collect(Port, Output) ->
    receive
        {Port, {data, Data}} -> collect(Port, [Output | Data]);
        {Port, {exit_status, Status}} -> {Status, lists:flatten(Output)}
    after ?DEADLINE_MS ->
            port_close(Port),
            error({still_running, lists:flatten(Output)})
    end.

%% ---- names and folders ----

-spec folder() -> file:filename().
folder() ->
    Folder = filename:join(root(), unique("folder")),
    ok = filelib:ensure_dir(filename:join(Folder, ".")),
    Folder.

%% All folders of this run, to be removed at the end of a suite.
-spec clean() -> ok.
clean() ->
    _ = os:cmd("chmod -R u+rwX " ++ root()),
    _ = file:del_dir_r(root()),
    ok.

root() ->
    "/tmp/todo_suite_" ++ os:getpid().

-spec unique(string()) -> string().
unique(Prefix) ->
    Random = binary:decode_unsigned(crypto_free_random()),
    Prefix ++ "_" ++ os:getpid() ++ "_" ++ string:lowercase(integer_to_list(Random, 36)).

crypto_free_random() ->
    {ok, File} = file:open("/dev/urandom", [read, raw, binary]),
    {ok, Bytes} = file:read(File, 6),
    ok = file:close(File),
    Bytes.

-spec host() -> string().
host() ->
    [_, Host] = string:split(atom_to_list(node()), "@"),
    Host.

-spec node_name(string()) -> node().
node_name(Name) ->
    list_to_atom(case lists:member($@, Name) of
                     true -> Name;
                     false -> Name ++ "@" ++ host()
                 end).

%% ---- the system on the node ----

-spec cache(server()) -> {atom(), node()}.
cache(#{node := Node}) ->
    {'Elixir.Todo.Cache', Node}.

-spec database(server()) -> {atom(), node()}.
database(#{node := Node}) ->
    {'Elixir.Todo.Database', Node}.

%% The pid of that list's server.
-spec list(server(), term()) -> pid().
list(Server, Name) ->
    Pid = gen_server:call(cache(Server), {server_process, Name}),
    true = is_pid(Pid),
    Pid.

%% ---- waiting ----

%% Until the fun gives true; for what sends no message (a file that appears).
-spec await(fun(() -> boolean())) -> ok.
await(Fun) ->
    await(Fun, ?DEADLINE_MS).

-spec await(fun(() -> boolean()), non_neg_integer()) -> ok.
await(Fun, Milliseconds) ->
    await_until(Fun, erlang:monotonic_time(millisecond) + Milliseconds).

await_until(Fun, Deadline) ->
    case Fun() of
        true ->
            ok;
        false ->
            erlang:monotonic_time(millisecond) < Deadline orelse error(deadline),
            receive after 5 -> ok end,
            await_until(Fun, Deadline)
    end.

%% The reason with which a monitored process ended.
-spec down(reference(), pid()) -> term().
down(Monitor, Pid) ->
    receive {'DOWN', Monitor, process, Pid, Reason} -> Reason after ?DEADLINE_MS -> error(no_down) end.

%% A fresh random seed, printed so that a failing run can be repeated.
-spec seed() -> ok.
seed() ->
    Seed = fresh_seed(),
    ct:pal("seed ~b (SEED=~b repeats this run)", [Seed, Seed]),
    ok.

%% The same for a caller that prints it.
-spec fresh_seed() -> non_neg_integer().
fresh_seed() ->
    Seed = case os:getenv("SEED") of
               Unset when Unset =:= false; Unset =:= "" -> binary:decode_unsigned(crypto_free_random());
               Given -> list_to_integer(Given)
           end,
    _ = rand:seed(exsss, Seed),
    Seed.

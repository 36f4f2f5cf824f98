%% What the suites of the BEAM side need: BEAMs and shells as other operating-system processes, and what is left of them.
-module(beam_case).

-export([root/0, elixir_ebin/0, start/0, start/1, stop/1, call/3, call/4]).
-export([shell/2, shell/3, programs/1, await_no_program/1, file_with/1]).

-define(CALL_MS, 60000).

%% The checkout: the folder with mix.exs, above the one that holds the compiled application.
-spec root() -> file:filename().
root() ->
    root(code:lib_dir(todo)).

root(Folder) ->
    case filelib:is_regular(filename:join(Folder, "mix.exs")) of
        true ->
            Folder;
        false ->
            Folder =/= filename:dirname(Folder) orelse error(no_mix_exs),
            root(filename:dirname(Folder))
    end.

%% The Elixir modules, compiled by now.
-spec elixir_ebin() -> file:filename().
elixir_ebin() ->
    {0, _} = shell("mix compile", [{"MIX_ENV", "dev"}]),
    filename:join(root(), "_build/mix/dev/lib/todo/ebin").

%% A BEAM that knows the modules of this one; not a node unless args name it. It ends with the calling process at the
%% latest.
-spec start() -> pid().
start() ->
    start(#{}).

%% Options: args (more of them), env.
-spec start(map()) -> pid().
start(Options) ->
    Paths = [filename:dirname(code:which(Module)) || Module <- [todo, ?MODULE]],
    {ok, Beam, _Name} =
        peer:start_link(#{connection => standard_io, shutdown => close, exec => os:find_executable("erl"),
                          wait_boot => ?CALL_MS, args => ["-pa"] ++ Paths ++ maps:get(args, Options, []),
                          env => maps:get(env, Options, [])}),
    Beam.

%% The end of its stdin halts it. Nothing to do for one that has ended.
-spec stop(pid()) -> ok.
stop(Beam) ->
    try
        peer:stop(Beam)
    catch
        exit:_ -> ok
    end.

-spec call(pid(), atom(), [term()]) -> term().
call(Beam, Function, Arguments) ->
    call(Beam, todo, Function, Arguments).

-spec call(pid(), module(), atom(), [term()]) -> term().
call(Beam, Module, Function, Arguments) ->
    peer:call(Beam, Module, Function, Arguments, ?CALL_MS).

%% Runs a line of sh in the checkout, in at most two minutes: exit status and everything it wrote.
-spec shell(string(), [{string(), string() | false}]) -> {non_neg_integer(), string()}.
shell(Line, Env) ->
    shell(Line, Env, "/dev/null").

-spec shell(string(), [{string(), string() | false}], file:filename()) -> {non_neg_integer(), string()}.
shell(Line, Env, Stdin) ->
    %% timeout ends the whole process group, whatever of it still runs.
    Limited = "exec timeout -k 5 120 /bin/sh -c \"$1\" <\"$2\"",
    Port = open_port({spawn_executable, "/bin/sh"},
                     [{args, ["-c", Limited, "sh", Line, Stdin]}, {env, Env}, {cd, root()}, binary, exit_status,
                      stderr_to_stdout, hide]),
    output(Port, []).

output(Port, Output) ->
    receive
        {Port, {data, Data}} -> output(Port, [Output | Data]);
        {Port, {exit_status, Status}} -> {Status, unicode:characters_to_list(iolist_to_binary(Output))}
    end.

%% A file with this text, in a folder of its own.
-spec file_with(unicode:chardata()) -> file:filename().
file_with(Text) ->
    File = filename:join(node_case:folder(), "file"),
    ok = file:write_file(File, unicode:characters_to_binary(Text)),
    File.

%% The process ids of the nodes that serve this folder. One that has ended and waits for its parent has no command line.
-spec programs(file:filename()) -> [string()].
programs(Folder) ->
    [Pid || Pid <- element(2, file:list_dir("/proc")), lists:all(fun(C) -> C >= $0 andalso C =< $9 end, Pid),
            serves(Pid, Folder)].

serves(Pid, Folder) ->
    case file:read_file(filename:join(["/proc", Pid, "cmdline"])) of
        {ok, Line} ->
            [Program | Arguments] = binary:split(Line, <<0>>, [global]),
            filename:basename(Program) =:= <<"todo_node">>
                andalso lists:member(unicode:characters_to_binary(Folder), Arguments);
        {error, _} ->
            false
    end.

-spec await_no_program(file:filename()) -> ok.
await_no_program(Folder) ->
    try
        node_case:await(fun() -> programs(Folder) =:= [] end)
    catch
        error:deadline ->
            Left = programs(Folder),
            _ = os:cmd("kill -KILL " ++ string:join(Left, " ")),
            error({still_running, Left})
    end.

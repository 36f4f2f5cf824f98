%%% @doc Owns the operating-system process `priv/todo_node'.
%%%
%%% The program is a port of this process: it is ready when it has written `ready NODE', what it writes after that is
%%% logged, it ends when this process or the whole BEAM does (its stdin closes), and when it dies by itself this
%%% process exits with the reason and is restarted by {@link todo_sup}.
%%%
%%% Application environment of `todo':
%%% <dl>
%%% <dt>`start'</dt><dd>`true' (default): start the program. `false': connect to `node', which runs already.</dd>
%%% <dt>`node'</dt><dd>with `{start, false}': the full name of that node, `todo@host'.</dd>
%%% <dt>`sname', `name'</dt><dd>short name (default `todo'), or long name `name@host', which wins.</dd>
%%% <dt>`persist', `workers', `expire', `port', `listen', `log_level'</dt><dd>as the program's options; where not set,
%%%     the program's default holds.</dd>
%%% <dt>`tls_cert', `tls_key', `tls_ca'</dt><dd>as the program's options, all three of them where this BEAM's own
%%%     distribution is TLS (`-proto_dist inet_tls'), and only there.</dd>
%%% <dt>`net_ticktime'</dt><dd>as the program's option; where not set, that of this BEAM (`kernel''s parameter).</dd>
%%% <dt>`extra'</dt><dd>further arguments, a list of strings.</dd>
%%% <dt>`program'</dt><dd>path of the program instead of `priv/todo_node'; the environment variable
%%%     `TODO_NODE_PROGRAM' wins over both.</dd>
%%% <dt>`ready_timeout', `stop_timeout'</dt><dd>milliseconds to wait for the program to be ready (60 000), to have
%%%     stopped (40 000, more than the program itself takes).</dd>
%%% </dl>
%%%
%%% A BEAM that is not distributed becomes a hidden node with a unique name that nobody can connect to.
-module(todo_node).
-behaviour(gen_server).

-export([start_link/0, name/0, forget/0, shutdown_time/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-record(state,
        {node :: node(),
         port :: port() | undefined,               % undefined: not ours, or gone
         os_pid :: non_neg_integer() | undefined,  % of the program behind port
         stop_timeout :: timeout()}).

-define(NODE_KEY, {?MODULE, node}).      % of the node that is or was ready last
-define(OS_PID_KEY, {?MODULE, os_pid}).  % of a program that was started and not yet seen to exit
-define(RECONNECT_MS, 1000).
-define(RETRY_MS, 500).
-define(RETRIES, 10).
-define(LINE_BYTES, 8192).

%% @doc Starts the program, or connects to the node that runs already; returns when it answers.
-spec start_link() -> {ok, pid()} | {error, term()}.
start_link() ->
    case gen_server:start_link({local, ?MODULE}, ?MODULE, [], []) of
        {ok, Pid} -> {ok, Pid};
        {error, Reason} -> {error, Reason}
    end.

%% @doc The node's name. Raises `{not_started, todo}' where the application is not running.
-spec name() -> node().
name() ->
    case persistent_term:get(?NODE_KEY, undefined) of
        undefined -> error({not_started, todo});
        Node -> Node
    end.

%% @private Called when the application has stopped.
-spec forget() -> ok.
forget() ->
    _ = persistent_term:erase(?NODE_KEY),
    ok.

%% @private How long the supervisor has to wait for terminate/2.
-spec shutdown_time() -> timeout().
shutdown_time() ->
    case env(stop_timeout) of
        infinity -> infinity;
        Timeout when is_integer(Timeout) -> Timeout + 10000
    end.

%% @private
-spec init([]) -> {ok, #state{}} | {stop, term()}.
init([]) ->
    process_flag(trap_exit, true),
    try
        ok = await_predecessor(env(stop_timeout)),
        State = start(env(start)),
        ok = connect(State#state.node),
        persistent_term:put(?NODE_KEY, State#state.node),
        {ok, State}
    catch
        throw:Reason -> {stop, Reason}
    end.

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, {error, term()}, #state{}}.
handle_call(Request, _From, State) ->
    {reply, {error, {bad_request, Request}}, State}.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_Request, State) ->
    {noreply, State}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}} | {stop, term(), #state{}}.
handle_info({Port, {data, {_, Line}}}, #state{port = Port} = State) ->
    ok = log_line(Line),
    {noreply, State};
handle_info({Port, {exit_status, Status}}, #state{port = Port} = State) ->
    {stop, {exit_status, Status}, gone(State)};
handle_info({'EXIT', Port, Reason}, #state{port = Port} = State) ->
    {stop, {port_closed, Reason}, State#state{port = undefined}};
handle_info({nodedown, Node}, #state{node = Node} = State) ->
    logger:warning("connection to ~ts lost", [Node]),
    _ = erlang:send_after(?RECONNECT_MS, self(), reconnect),
    {noreply, State};
handle_info(reconnect, #state{node = Node} = State) ->
    case net_kernel:connect_node(Node) of
        true ->
            true = erlang:monitor_node(Node, true),
            ok = logger:notice("connected to ~ts again", [Node]),
            {noreply, State};
        _ ->
            _ = erlang:send_after(?RECONNECT_MS, self(), reconnect),
            {noreply, State}
    end;
handle_info(_Other, State) ->
    {noreply, State}.

%% @private
-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, #state{port = undefined}) ->
    ok;
terminate(_Reason, #state{port = Port, os_pid = OsPid, stop_timeout = Timeout} = State) ->
    %% Not by closing the port: then neither its last lines nor its exit status would be heard.
    ok = signal("TERM", OsPid),
    case await_exit(Port, deadline(Timeout)) of
        {exit_status, 0} ->
            _ = gone(State),
            ok;
        Failure ->
            logger:error("~ts did not stop cleanly: ~tp", [State#state.node, Failure]),
            ok = signal("KILL", OsPid),
            _ = gone(State),
            ok
    end.

%%% Starting

%% A program whose owner was killed has seen its stdin close and is writing what it has to write. Until it is gone,
%% its name and its folder are taken.
await_predecessor(Timeout) ->
    case persistent_term:get(?OS_PID_KEY, undefined) of
        undefined ->
            ok;
        OsPid ->
            ok = await_gone(OsPid, deadline(Timeout)),
            _ = persistent_term:erase(?OS_PID_KEY),
            ok
    end.

await_gone(OsPid, Deadline) ->
    case {os:cmd("kill -0 " ++ integer_to_list(OsPid) ++ " 2>/dev/null && echo alive"), remaining(Deadline)} of
        {"", _} ->
            ok;
        {_, 0} ->
            throw({still_running, OsPid});
        _ ->
            timer:sleep(50),
            await_gone(OsPid, Deadline)
    end.

start(false) ->
    Node = env(node),
    is_atom(Node) andalso Node =/= undefined orelse throw({bad_option, {node, Node}}),
    ok = ensure_distributed(domain(Node), undefined),
    #state{node = Node, stop_timeout = env(stop_timeout)};
start(true) ->
    ok = check_tls(),
    ok =
        case env(name) of
            undefined -> ensure_distributed(shortnames, undefined);
            Name -> ensure_distributed(longnames, host(text(Name)))
        end,
    %% After a crash the name may still be taken for a moment; at the first start it is somebody else's.
    Retries =
        case persistent_term:get(?NODE_KEY, undefined) of
            undefined ->
                0;
            Node ->
                _ = erlang:disconnect_node(Node),
                ?RETRIES
        end,
    start_program(Retries);
start(Other) ->
    throw({bad_option, {start, Other}}).

%% Where one of the two speaks TLS and the other does not, all that either could tell is that there is no connection.
check_tls() ->
    Node = env(tls_cert) =/= undefined orelse lists:member(<<"--tls-cert">>, [text(Extra) || Extra <- env(extra, [])]),
    case {beam_has_tls(), Node} of
        {Same, Same} -> ok;
        {true, false} -> throw({bad_option, {tls_cert, missing_for_proto_dist_inet_tls}});
        {false, true} -> throw({bad_option, {tls_cert, needs_proto_dist_inet_tls}})
    end.

beam_has_tls() ->
    case init:get_argument(proto_dist) of
        {ok, Modules} -> lists:suffix("_tls", lists:last(lists:append(Modules)));
        error -> false
    end.

start_program(Retries) ->
    Port = open(program()),
    OsPid =
        case erlang:port_info(Port, os_pid) of
            {os_pid, Number} -> Number;
            undefined -> undefined
        end,
    _ = is_integer(OsPid) andalso persistent_term:put(?OS_PID_KEY, OsPid),
    State = #state{node = node(), port = Port, os_pid = OsPid, stop_timeout = env(stop_timeout)},
    case await_ready(Port, deadline(env(ready_timeout)), <<>>) of
        {ready, Node} ->
            State#state{node = Node};
        {exit_status, _, _} when Retries > 0 ->
            _ = gone(State),
            timer:sleep(?RETRY_MS),
            start_program(Retries - 1);
        {exit_status, _, _} = Failure ->
            _ = gone(State),
            throw(Failure);
        not_ready ->
            is_integer(OsPid) andalso signal("KILL", OsPid),
            throw({not_ready, env(ready_timeout)})
    end.

program() ->
    case {os:getenv("TODO_NODE_PROGRAM"), env(program)} of
        {Path, _} when is_list(Path), Path =/= "" -> Path;
        {_, undefined} -> filename:join(code:priv_dir(todo), "todo_node");
        {_, Path} -> text(Path)
    end.

open(Program) ->
    Options =
        [{args, arguments()},
         {env, [{"TODO_COOKIE", atom_to_list(erlang:get_cookie())}]},
         {line, ?LINE_BYTES},
         binary, exit_status, stderr_to_stdout, use_stdio, hide],
    try
        open_port({spawn_executable, Program}, Options)
    catch
        error:Reason when is_atom(Reason) -> throw({cannot_run, Program, Reason})
    end.

arguments() ->
    Name =
        case env(name) of
            undefined -> option("--sname", sname);
            Long -> [<<"--name">>, text(Long)]
        end,
    Name ++ option("--persist", persist) ++ option("--workers", workers) ++ option("--expire", expire)
        ++ option("--tls-cert", tls_cert) ++ option("--tls-key", tls_key) ++ option("--tls-ca", tls_ca)
        ++ option("--port", port) ++ option("--listen", listen) ++ option("--log-level", log_level)
        ++ [<<"--net-ticktime">>, text(env(net_ticktime, application:get_env(kernel, net_ticktime, 60)))]
        ++ [text(Extra) || Extra <- env(extra, [])] ++ [<<"--exit-on-eof">>].

option(Flag, Key) ->
    case env(Key) of
        undefined -> [];
        Value -> [text(Flag), text(Value)]
    end.

%% The last line before an exit is the program's own explanation.
await_ready(Port, Deadline, Last) ->
    receive
        {Port, {data, {_, <<"ready ", Node/binary>>}}} ->
            {ready, binary_to_atom(Node)};
        {Port, {data, {_, Line}}} ->
            ok = log_line(Line),
            await_ready(Port, Deadline, Line);
        {Port, {exit_status, Status}} ->
            {exit_status, Status, Last}
    after remaining(Deadline) ->
        not_ready
    end.

%%% Distribution

ensure_distributed(Domain, Host) ->
    case erlang:is_alive() of
        true -> ok;
        false -> distribute(Domain, Host)
    end.

%% Nobody needs to connect to this node, so it does not listen and epmd does not know it.
distribute(Domain, Host) ->
    Unique = [lists:nth(rand:uniform(36), "0123456789abcdefghijklmnopqrstuvwxyz") || _ <- lists:seq(1, 8)],
    Name = list_to_atom("todo_" ++ Unique ++ at_host(Domain, Host)),
    Options = #{name_domain => Domain, hidden => true, dist_listen => false},
    case net_kernel:start(Name, Options) of
        {ok, _} -> ok;
        {error, {already_started, _}} -> ok;
        {error, Reason} -> throw({cannot_distribute, Reason})
    end.

at_host(shortnames, _) ->
    "";
at_host(longnames, undefined) ->
    %% Nobody connects to this name: any host part that counts as a long one will do.
    Local = net_adm:localhost(),
    at_host(longnames, case lists:member($., Local) of true -> Local; false -> "127.0.0.1" end);
at_host(longnames, Host) ->
    "@" ++ Host.

domain(Node) ->
    case lists:member($., host(atom_to_binary(Node))) of
        true -> longnames;
        false -> shortnames
    end.

host(Name) ->
    case string:split(unicode:characters_to_list(Name), "@") of
        [_, Host] when Host =/= "" -> Host;
        _ -> throw({bad_option, {name, Name}})
    end.

connect(Node) ->
    case net_kernel:connect_node(Node) of
        true ->
            true = erlang:monitor_node(Node, true),
            ok;
        _ ->
            throw({cannot_connect, Node})
    end.

%%% Stopping

await_exit(Port, Deadline) ->
    receive
        {Port, {data, {_, Line}}} ->
            ok = log_line(Line),
            await_exit(Port, Deadline);
        {Port, {exit_status, Status}} ->
            {exit_status, Status}
    after remaining(Deadline) ->
        timeout
    end.

gone(#state{node = Node} = State) ->
    _ = persistent_term:erase(?OS_PID_KEY),
    _ = Node =/= node() andalso erlang:disconnect_node(Node),
    State#state{port = undefined, os_pid = undefined}.

signal(Signal, OsPid) ->
    _ = os:cmd("kill -" ++ Signal ++ " " ++ integer_to_list(OsPid) ++ " 2>/dev/null"),
    ok.

%%% Its stderr

log_line(Line) ->
    case binary:split(Line, <<" ">>) of
        [<<"level=", Name/binary>>, Text] -> logger:log(level(Name), "todo_node: ~ts", [printable(Text)]);
        _ -> logger:error("~ts", [printable(Line)])
    end.

level(<<"debug">>) -> debug;
level(<<"info">>) -> info;
level(<<"warn">>) -> warning;
level(_) -> error.

printable(Bytes) ->
    case unicode:characters_to_binary(Bytes) of
        Text when is_binary(Text) -> Text;
        _ -> unicode:characters_to_binary(Bytes, latin1)
    end.

%%% Small things

env(Key) ->
    env(Key, undefined).

env(Key, Default) ->
    application:get_env(todo, Key, Default).

text(Value) when is_integer(Value) -> integer_to_binary(Value);
text(Value) when is_atom(Value) -> atom_to_binary(Value);
text(Value) ->
    try unicode:characters_to_binary(Value) of
        Text when is_binary(Text) -> Text;
        _ -> throw({bad_option, Value})
    catch
        error:badarg -> throw({bad_option, Value})
    end.

deadline(infinity) -> infinity;
deadline(Timeout) -> erlang:monotonic_time(millisecond) + Timeout.

remaining(infinity) -> infinity;
remaining(Deadline) -> max(0, Deadline - erlang:monotonic_time(millisecond)).

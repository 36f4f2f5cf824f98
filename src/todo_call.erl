%%% @doc Calls that need one frame where `gen_server:call' needs three.
%%%
%%% A call to a process of a todo node carries no monitor: the node itself promises `{exit, Reason}' in the place of an
%%% answer when there will be none (docs/protocol.md, "Calls without a monitor"). A caller cannot tell such a call from
%%% `gen_server:call' or `GenServer.call': it exits in the same cases with the same reasons, and leaves nothing in the
%%% mailbox.
%%%
%%% Whether a node promises that is found out after the first answered call, which is an ordinary one, as every call is
%%% to any other node. What was found out holds for one connection: a process of this BEAM, the watcher, stands for it
%%% and ends with it. Callers monitor the watcher, which costs no traffic and tells them of a lost connection, also
%%% where by then another node has taken the name.
-module(todo_call).

-export([call/3, call/4]).
-export([watch/1]).

-export_type([api/0]).

-type api() :: gen_server | 'Elixir.GenServer'.
%% What the call stands for: its exits have the shape of that module's.

-define(KEY(Node), {?MODULE, Node}).
-define(TIMEOUT_MS, 5000).

%% @doc `Api:call(Server, Request)'.
%%
%% Not for requests whose answer may be `{exit, _}'.
-spec call(api(), gen_server:server_ref(), term()) -> term().
call(Api, Server, Request) ->
    case watcher(Server) of
        none ->
            Answer = Api:call(Server, Request),
            learn(Server),
            Answer;
        Watcher ->
            fast(Watcher, Server, Request, ?TIMEOUT_MS, {Api, call, arguments(Api, Server, Request)})
    end.

%% @doc `Api:call(Server, Request, Timeout)'.
-spec call(api(), gen_server:server_ref(), term(), timeout()) -> term().
call(Api, Server, Request, Timeout) ->
    case watcher(Server) of
        Watcher when is_pid(Watcher), is_integer(Timeout), Timeout >= 0;
                     is_pid(Watcher), Timeout =:= infinity ->
            fast(Watcher, Server, Request, Timeout, {Api, call, [Server, Request, Timeout]});
        _ ->
            Answer = Api:call(Server, Request, Timeout),
            learn(Server),
            Answer
    end.

arguments(gen_server, Server, Request) -> [Server, Request];
arguments('Elixir.GenServer', Server, Request) -> [Server, Request, ?TIMEOUT_MS].

%% As gen:call does it, to where the monitor costs nothing. The tag is an improper list, as all of OTP knows it.
-dialyzer({no_improper_lists, fast/5}).
fast(Watcher, Server, Request, Timeout, Mfa) ->
    Monitor = erlang:monitor(process, Watcher, [{alias, reply_demonitor}]),
    _ = erlang:send(Server, {'$todo_call', {self(), [alias | Monitor]}, Request}, [noconnect]),
    receive
        {[alias | Monitor], Answer} ->
            answered(Answer, Server, Mfa);
        {'DOWN', Monitor, process, Watcher, _} ->
            ok = forget(node_of(Server), Watcher),
            answered({exit, noconnection}, Server, Mfa)
    after Timeout ->
            true = erlang:demonitor(Monitor, [flush]),
            receive
                {[alias | Monitor], Answer} -> answered(Answer, Server, Mfa)
            after 0 ->
                    _ = erlang:send(Server, {'$todo_cancel', [alias | Monitor]}, [noconnect]),
                    exit({timeout, Mfa})
            end
    end.

answered({exit, noconnection}, Server, Mfa) ->
    exit({{nodedown, node_of(Server)}, Mfa});
answered({exit, Reason}, _Server, Mfa) ->
    exit({Reason, Mfa});
answered(Answer, _Server, _Mfa) ->
    Answer.

node_of(Server) when is_pid(Server) -> node(Server);
node_of({_Name, Node}) -> Node.

%%% Who promises it

watcher(Server) ->
    case found_out(Server) of
        Watcher when is_pid(Watcher) -> Watcher;
        _ -> none
    end.

%% unknown, or what the node's watcher has found out (itself: it does; no), or asking. local: no process of another
%% node, by pid or name: what the API makes of it.
found_out(Server) when is_pid(Server), node(Server) =/= node() ->
    persistent_term:get(?KEY(node(Server)), unknown);
found_out({Name, Node}) when is_atom(Name), is_atom(Node), Node =/= node() ->
    persistent_term:get(?KEY(Node), unknown);
found_out(_Server) ->
    local.

learn(Server) ->
    case found_out(Server) of
        unknown -> _ = spawn(?MODULE, watch, [node_of(Server)]), ok;
        _ -> ok
    end.

%% @private The watcher of the connection to a node. Two may begin at once: one goes on.
-spec watch(node()) -> ok.
watch(Node) ->
    true = group_leader(whereis(init), self()), % what started the caller may stop
    true = monitor_node(Node, true),
    case persistent_term:get(?KEY(Node), unknown) of
        unknown ->
            ok = persistent_term:put(?KEY(Node), asking),
            watch(Node, ask(Node));
        _ ->
            ok
    end.

%% Until the connection is lost. What could not be found out is asked after the next call.
watch(Node, unknown) ->
    forget(Node, asking);
watch(Node, FoundOut) ->
    ok = persistent_term:put(?KEY(Node), FoundOut),
    receive {nodedown, Node} -> forget(Node, FoundOut) end.

ask(Node) ->
    try erpc:call(Node, erlang, system_info, [fast_calls], ?TIMEOUT_MS) of
        true ->
            case erlang:function_exported(erlang, alias, 1) of
                true -> self();
                false -> no % OTP 23
            end
    catch
        error:{erpc, Reason} when Reason =:= timeout; Reason =:= noconnection -> unknown;
        _:_ -> no
    end.

%% Unless something else is known by now. A watcher that was killed has left it to the next caller.
forget(Node, FoundOut) ->
    case persistent_term:get(?KEY(Node), unknown) of
        FoundOut -> _ = persistent_term:erase(?KEY(Node)), ok;
        _ -> ok
    end.

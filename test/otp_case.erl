%% What otp_SUITE's operations are run with: two nodes of equal behaviour, one OTP's and one ours, and a client process
%% for each operation, whose outcome is written down with names in the place of pids, references and nodes.
-module(otp_case).

-export([outcomes/2]).
-export([kill/1, restart/1, freeze/1, thaw/1, client/1, client/2, stop_client/1]).
-export([node_of/1, cache/1, system/1, value/1, list/1, list/2, dead/1, never/1, stale/1]).
-export([down/1, mail/1, count/1, suspended/1, later/1, grouped/3]).

-export_type([target/0, operation/0, outcome/0]).

%% A node under test and the name of the operation that looks at it.
-type target() :: #{side := reference | ours, node := node(), name := string(), os_pid := integer(),
                    server := term(), nodes := ets:table(), key := binary()}.
%% own: a node of its own, which it may kill; trap: the client traps exits; since: the first OTP that can do it. A call
%% of a function that a release does not have yet is found when it is made: these modules compile on every release.
-type operation() :: {Name :: atom(), [own | trap | {since, Otp :: pos_integer()}], fun((target()) -> term())}.
-type outcome() :: term().

-define(DEADLINE_MS, 5000).
-define(AT_ONCE_MS, 4500). % the timeouts that are told from it are of 5 s
-define(QUIET_MS, 20).

%% ---- running ----

%% What the operations came to on that side, in their order.
-spec outcomes(reference | ours, [operation()]) -> [outcome()].
outcomes(Side, Operations) ->
    Nodes = ets:new(nodes, [public]),
    Shared = start(Side, node_case:unique(atom_to_list(Side)), Nodes),
    try [outcome(Shared, Operation) || Operation <- Operations]
    after kill_others(Nodes, none)
    end.

%% All that are still there.
kill_others(Nodes, OsPid) ->
    [kill(Target) || {Other, Target} <- ets:tab2list(Nodes), Other =/= OsPid].

outcome(#{side := Side, nodes := Nodes, os_pid := OsPid} = Shared, {Name, Options, Fun}) ->
    Target = case lists:member(own, Options) of
                 false -> Shared;
                 true -> start(Side, node_case:unique(atom_to_list(Side)), Nodes)
             end,
    Keyed = Target#{key := atom_to_binary(Name)},
    Self = self(),
    {Client, Monitor} = spawn_monitor(fun() -> run(Self, Keyed, lists:member(trap, Options), Fun) end),
    Outcome = receive
                  {Client, Result} -> demonitor(Monitor, [flush]), Result;
                  {'DOWN', Monitor, process, Client, Reason} -> named(Keyed, Client, {client_died, Reason})
              after 30000 ->
                      {stuck, process_info(Client, current_stacktrace)}
              end,
    kill_others(Nodes, OsPid),
    Outcome.

run(Parent, Target, Trap, Fun) ->
    process_flag(trap_exit, Trap),
    Before = erlang:monotonic_time(millisecond),
    Result = try {value, Fun(Target)} catch Class:Reason -> {Class, Reason} end,
    Time = case erlang:monotonic_time(millisecond) - Before of
               Elapsed when Elapsed < ?AT_ONCE_MS -> at_once;
               _ -> timeout
           end,
    settle(Target),
    Parent ! {self(), named(Target, self(), {Result, {mailbox, mailbox()}, Time})}.

%% What the node has sent before is here when it answers.
settle(#{node := Node}) ->
    lists:member(Node, nodes(connected)) andalso
        (catch gen_server:call({net_kernel, Node}, {is_auth, node()}, ?DEADLINE_MS)).

mailbox() ->
    receive Message -> [Message | mailbox()] after ?QUIET_MS -> [] end.

%% ---- names for what differs from node to node ----

%% Pids and references by the order in which they appear, so that equal ones stay equal.
named(#{node := Node}, Client, Term) ->
    {Named, _} = name(Term, #{node => Node, client => Client, pids => #{}, refs => #{}}),
    Named.

name(Pid, #{client := Pid} = Names) ->
    {client, Names};
name(Pid, #{node := Node} = Names) when is_pid(Pid) ->
    Where = if node(Pid) =:= Node -> pid; node(Pid) =:= node() -> here; true -> elsewhere end,
    number(Pid, Where, pids, Names);
name(Reference, Names) when is_reference(Reference) ->
    number(Reference, reference, refs, Names);
name(Node, #{node := Node} = Names) ->
    {node, Names};
name(Node, Names) when Node =:= node() ->
    {here, Names};
name([{M, F, A, L} | _] = Trace, Names) when is_atom(M), is_atom(F), is_list(L), is_list(A) orelse is_integer(A) ->
    case lists:all(fun(Frame) -> tuple_size(Frame) =:= 4 end, Trace) of
        true -> name({stack, frames(Trace)}, Names);
        false -> name_list(Trace, Names)
    end;
name(List, Names) when is_list(List), List =/= [] ->
    case io_lib:printable_unicode_list(List) of
        true -> {named_text(List, Names), Names};
        false -> name_list(List, Names)
    end;
name(Tuple, Names) when is_tuple(Tuple) ->
    {List, Next} = lists:mapfoldl(fun name/2, Names, tuple_to_list(Tuple)),
    {list_to_tuple(List), Next};
name(Map, Names) when is_map(Map) ->
    {Pairs, Next} = lists:mapfoldl(fun name/2, Names, lists:sort(maps:to_list(Map))),
    {maps:from_list(Pairs), Next};
name(Term, Names) ->
    {Term, Names}.

%% Without places in files, and without the behaviours' own frames, whose names are OTP's affair.
frames(Trace) ->
    [{frame, M, F, A, [Item || Item <- L, element(1, Item) =/= file, element(1, Item) =/= line]}
     || {M, F, A, L} <- Trace, not lists:member(M, [supervisor, gen_server, proc_lib])].

name_list([Head | Tail], Names) ->
    {Named, Next} = name(Head, Names),
    {Rest, Last} = if Tail =:= [] -> {[], Next};
                      is_list(Tail) -> name_list(Tail, Next);
                      true -> name(Tail, Next)
                   end,
    {[Named | Rest], Last}.

named_text(Text, #{node := Node}) ->
    Plain = re:replace(Text, "<[0-9.]+>", "<pid>", [global, unicode, {return, list}]),
    lists:flatten(string:replace(Plain, atom_to_list(Node), "node", all)).

number(Term, Word, Kind, Names) ->
    Known = maps:get(Kind, Names),
    N = maps:get(Term, Known, map_size(Known) + 1),
    {{Word, N}, Names#{Kind := Known#{Term => N}}}.

%% ---- nodes ----

start(ours, Name, Nodes) ->
    started(ours, Name, node_case:start(#{name => Name}), Nodes);
start(reference, Name, Nodes) ->
    {ok, Peer, Node} = client(Name),
    Stubs = [{Module, Code} || {Module, Code} <- otp_reference:stubs()],
    {otp_reference, Own, _} = code:get_object_code(otp_reference),
    [{module, Module} = erpc:call(Node, code, load_binary, [Module, "", Code])
     || {Module, Code} <- [{otp_reference, Own} | Stubs]],
    ok = erpc:call(Node, logger, set_primary_config, [level, none]),
    ok = erpc:call(Node, otp_reference, start, []),
    OsPid = list_to_integer(erpc:call(Node, os, getpid, [])),
    started(reference, Name, #{node => Node, os_pid => OsPid, peer => Peer}, Nodes).

started(Side, Name, #{node := Node, os_pid := OsPid} = Server, Nodes) ->
    Target = #{side => Side, node => Node, name => Name, os_pid => OsPid, server => Server, nodes => Nodes,
               key => <<>>},
    true = ets:insert(Nodes, {OsPid, Target}),
    Target.

%% kill -9; when this returns the node is down for us.
-spec kill(target()) -> ok.
kill(#{os_pid := OsPid, node := Node, server := Server, nodes := Nodes}) ->
    Peer = maps:get(peer, Server, none),
    Monitor = is_pid(Peer) andalso monitor(process, Peer),
    monitor_node(Node, true),
    _ = os:cmd("kill -KILL " ++ integer_to_list(OsPid)),
    true = ets:delete(Nodes, OsPid),
    receive {nodedown, Node} -> ok after ?DEADLINE_MS -> error(still_there) end,
    is_pid(Peer) andalso receive {'DOWN', Monitor, process, Peer, _} -> ok after ?DEADLINE_MS -> error(peer) end,
    ok.

%% The next incarnation, under the same name.
-spec restart(target()) -> target().
restart(#{side := Side, name := Name, key := Key, nodes := Nodes} = Target) ->
    kill(Target),
    (start(Side, Name, Nodes))#{key := Key}.

%% The node's operating system process stands still: nothing comes from it, nothing is lost.
-spec freeze(target()) -> ok.
freeze(#{os_pid := OsPid}) ->
    "" = os:cmd("kill -STOP " ++ integer_to_list(OsPid)),
    ok.

-spec thaw(target()) -> ok.
thaw(#{os_pid := OsPid}) ->
    "" = os:cmd("kill -CONT " ++ integer_to_list(OsPid)),
    ok.

%% A BEAM node beside this one, which ends with it. The module peer is not in every release; this needs no more than erl
%% in PATH. The pid ends with the node.
-spec client(string()) -> {ok, pid(), node()}.
client(Name) ->
    client(Name, []).

-spec client(string(), [string()]) -> {ok, pid(), node()}.
client(Name, Arguments) ->
    Self = self(),
    {Holder, Monitor} = spawn_monitor(fun() -> open_client(Self, Name, Arguments) end),
    OsPid = receive
                {Holder, {ready, Is}} -> demonitor(Monitor, [flush]), Is;
                {'DOWN', Monitor, process, Holder, Reason} -> error({not_started, Name, Reason})
            after 30000 -> error({not_ready, Name})
            end,
    Node = node_case:node_name(Name),
    ok = node_case:await(fun() -> (catch erpc:call(Node, os, getpid, [])) =:= integer_to_list(OsPid) end),
    {ok, Holder, Node}.

-define(UNTIL_EOF, "spawn(fun() -> io:put_chars(\"ready\\n\"), _ = io:get_line(\"\"), erlang:halt() end).").

open_client(Starter, Name, Arguments) ->
    Port = open_port({spawn_executable, os:find_executable("erl")},
                     [{args, ["-noshell", "-hidden", "-sname", Name, "-setcookie", atom_to_list(erlang:get_cookie()),
                              "+S1:1", "-eval", ?UNTIL_EOF | Arguments]},
                      {line, 4096}, exit_status, stderr_to_stdout, hide]),
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    hold_client(Port, fun() -> Starter ! {self(), {ready, OsPid}} end).

hold_client(Port, Ready) ->
    receive
        {Port, {data, {eol, "ready"}}} -> Ready(), hold_client(Port, Ready);
        {Port, {data, _}} -> hold_client(Port, Ready);
        {Port, {exit_status, Status}} -> exit({status, Status});
        stop -> port_close(Port)
    end.

%% It is told to end, as by the end of this BEAM.
-spec stop_client(pid()) -> ok.
stop_client(Holder) ->
    Holder ! stop,
    ok.

%% ---- processes on them ----

-spec node_of(target()) -> node().
node_of(#{node := Node}) -> Node.

-spec cache(target()) -> {atom(), node()}.
cache(#{node := Node}) -> {'Elixir.Todo.Cache', Node}.

-spec system(target()) -> {atom(), node()}.
system(#{node := Node}) -> {'Elixir.Todo.System', Node}.

-spec value(target()) -> {atom(), node()}.
value(#{node := Node}) -> {'Elixir.Todo.List', Node}.

%% The operation's own list.
-spec list(target()) -> pid().
list(#{key := Key} = Target) ->
    list(Target, Key).

-spec list(target(), term()) -> pid().
list(Target, Name) ->
    Pid = gen_server:call(cache(Target), {server_process, Name}),
    true = is_pid(Pid),
    Pid.

%% A pid that lived a moment ago.
-spec dead(target()) -> pid().
dead(#{key := Key} = Target) ->
    Pid = list(Target, <<Key/binary, " dead">>),
    Monitor = monitor(process, Pid),
    exit(Pid, kill),
    {'DOWN', Monitor, process, Pid, killed} = down(Monitor),
    Pid.

%% One that no process had yet.
-spec never(target()) -> pid().
never(Target) ->
    edit(list(Target), fun(Id, Serial, Creation) -> {Id, Serial + 77, Creation} end).

%% One of another incarnation of the node.
-spec stale(target()) -> pid().
stale(Target) ->
    edit(list(Target), fun(Id, Serial, Creation) -> {Id, Serial, Creation bxor 1} end).

edit(Pid, Fun) ->
    Binary = term_to_binary(Pid),
    Size = byte_size(Binary) - 12,
    <<Head:Size/binary, Id:32, Serial:32, Creation:32>> = Binary,
    {NewId, NewSerial, NewCreation} = Fun(Id, Serial, Creation),
    binary_to_term(<<Head/binary, NewId:32, NewSerial:32, NewCreation:32>>).

%% ---- waiting ----

-spec down(reference()) -> tuple() | no_down.
down(Monitor) ->
    receive
        Down when element(1, Down) =:= 'DOWN', element(2, Down) =:= Monitor -> Down
    after ?DEADLINE_MS -> no_down
    end.

%% Until so many messages are in the mailbox, where they stay for the outcome.
-spec mail(non_neg_integer()) -> ok.
mail(Count) ->
    node_case:await(fun() -> element(2, process_info(self(), message_queue_len)) >= Count end, ?DEADLINE_MS).

-spec count(pid()) -> term().
count(Pid) ->
    gen_server:call(Pid, size).

%% The operation's list, suspended: it owes every call its answer.
-spec suspended(target()) -> pid().
suspended(Target) ->
    Pid = list(Target),
    ok = sys:suspend(Pid),
    Pid.

%% In another process, once the caller of this waits for something.
-spec later(fun(() -> term())) -> pid().
later(Fun) ->
    Caller = self(),
    spawn(fun() ->
                  node_case:await(fun() -> process_info(Caller, status) =:= {status, waiting} end, ?DEADLINE_MS),
                  Fun()
          end).

%% As maps:groups_from_list/3, which OTP 25 has first.
-spec grouped(fun((T) -> K), fun((T) -> V), [T]) -> #{K => [V]}.
grouped(Key, Value, List) ->
    lists:foldr(fun(Item, Groups) ->
                        maps:update_with(Key(Item), fun(Values) -> [Value(Item) | Values] end, [Value(Item)], Groups)
                end, #{}, List).

%% A network that drops packets between a client and two nodes beside each other, ours and an OTP one, for longer and for
%% shorter than the tick time, and heals: what the client sees, and what is left on the nodes, must be equal.
%%
%% Two network namespaces joined by a pair of virtual interfaces. Cut: each side sends to a hardware address that nobody
%% has, so packets vanish without any error, as when a cable is pulled somewhere between.
-module(partition_SUITE).

-include_lib("common_test/include/ct.hrl").

-compile([export_all, nowarn_export_all]).

-define(TICKTIME_S, 4).
-define(DEADLINE_MS, 30000).
-define(NOWHERE, "02:00:00:00:00:99").

all() ->
    [longer_than_the_tick_time, shorter_than_the_tick_time].

suite() ->
    [{timetrap, {minutes, 2}}].

%% In a place without namespaces (a container that forbids them) there is nothing to be run.
init_per_suite(Config) ->
    ok = node_case:distribute(),
    case namespace:refused([net]) of
        false -> Config;
        Refused -> {skip, "no network namespaces: " ++ Refused}
    end.

end_per_suite(_Config) ->
    node_case:clean().

init_per_testcase(_Case, Config) ->
    [{world, world()} | Config].

end_per_testcase(_Case, Config) ->
    end_of_world(?config(world, Config)).

%% ---- cases ----

longer_than_the_tick_time(Config) ->
    #{client := Client, witness := Witness, nodes := Nodes} = World = ?config(world, Config),
    ok = on(Client, prepare, [Nodes]),
    ok = cut(World),
    Lost = on(Client, lost, []),
    [Ours, Otp] = Lost,
    Ours = Otp,
    #{monitor_by_pid := noconnection, monitor_by_name := noconnection, link := noconnection, nodedown := true,
      call := nodedown} = Ours,
    %% The nodes have missed the client too: nobody watches any more, who was linked is dead.
    [{[], [], false}, {[], [], false}] = on(Witness, left, [on(Client, pids, [])]),
    ok = heal(World),
    Healed = on(Client, healed, []),
    ct:pal("lost ~p~nhealed ~p", [Lost, Healed]),
    [#{size := 1, dead := noproc, again := 0} = Same, Same] = Healed.

shorter_than_the_tick_time(Config) ->
    #{client := Client, nodes := Nodes} = World = ?config(world, Config),
    ok = on(Client, prepare, [Nodes]),
    ok = cut(World),
    ok = on(Client, send_into_the_dark, [100]),
    ok = heal(World),
    [#{size := 101, messages := []} = Same, Same] = on(Client, arrived, []).

%% ---- on the client: a process that keeps what it holds between the steps ----

prepare(Nodes) ->
    Self = self(),
    Keeper = spawn(fun() ->
                           true = register(keeper, self()),
                           process_flag(trap_exit, true),
                           Held = [hold(Node) || Node <- Nodes],
                           Self ! {self(), ok},
                           keep(Held)
                   end),
    receive {Keeper, Answer} -> Answer after ?DEADLINE_MS -> error(not_prepared) end.

keep(Held) ->
    receive
        {From, Ref, Fun} ->
            From ! {Ref, [Fun(One) || One <- Held]},
            keep(Held)
    end.

%% The fun for what is held of each node, in the keeper.
each(Fun) ->
    Ref = make_ref(),
    keeper ! {self(), Ref, Fun},
    receive {Ref, Results} -> Results after ?DEADLINE_MS -> error(keeper) end.

hold(Node) ->
    Cache = {'Elixir.Todo.Cache', Node},
    true = net_kernel:connect_node(Node),
    true = erlang:monitor_node(Node, true),
    P = gen_server:call(Cache, {server_process, <<"watched">>}),
    Linked = gen_server:call(Cache, {server_process, <<"linked">>}),
    {ok, 1} = gen_server:call(P, {add_entry, #{date => {2023, 12, 19}}}),
    true = link(Linked),
    #{node => Node, pid => P, linked => Linked, by_pid => monitor(process, P), by_name => monitor(process, Cache)}.

pids() ->
    each(fun(#{pid := P, linked := Linked}) -> {self(), P, Linked} end).

lost() ->
    _ = each(fun(#{pid := P}) ->
                     gen_server:cast(P, {add_entry, #{date => {2023, 12, 20}}}),
                     Keeper = self(),
                     spawn(fun() -> Keeper ! {call, node(P), catch gen_server:call(P, size, infinity)} end)
             end),
    each(fun(#{node := Node, pid := P, linked := Linked, by_pid := ByPid, by_name := ByName}) ->
                 #{nodedown => await(fun({nodedown, Down}) when Down =:= Node -> true end),
                   monitor_by_pid => await(fun({'DOWN', M, process, Pid, R}) when M =:= ByPid, Pid =:= P -> R end),
                   monitor_by_name => await(fun({'DOWN', M, process, {'Elixir.Todo.Cache', N}, R})
                                                  when M =:= ByName, N =:= Node -> R end),
                   link => await(fun({'EXIT', Pid, R}) when Pid =:= Linked -> R end),
                   call => await(fun({call, N, {'EXIT', {{Why, N}, _}}}) when N =:= Node -> Why end)}
         end).

healed() ->
    each(fun(#{node := Node, pid := P, linked := Linked}) ->
                 ok = node_case:await(fun() -> net_adm:ping(Node) =:= pong end),
                 {'EXIT', {Dead, _}} = (catch gen_server:call(Linked, size)),
                 New = gen_server:call({'Elixir.Todo.Cache', Node}, {server_process, <<"linked">>}),
                 #{size => gen_server:call(P, size), dead => Dead, again => gen_server:call(New, size),
                   another => New =/= Linked}
         end).

%% The calls wait: the network is dark. Nobody is told anything.
send_into_the_dark(N) ->
    _ = each(fun(#{pid := P}) ->
                     Keeper = self(),
                     [gen_server:cast(P, {add_entry, #{date => {2023, 12, I rem 28 + 1}}}) || I <- lists:seq(1, N)],
                     spawn(fun() -> Keeper ! {size, node(P), gen_server:call(P, size, infinity)} end),
                     none = receive {size, Node, Size} when Node =:= node(P) -> Size after 300 -> none end
             end),
    ok.

arrived() ->
    each(fun(#{node := Node, pid := P, by_pid := ByPid}) ->
                 Size = await(fun({size, N, S}) when N =:= Node -> S end),
                 Size = gen_server:call(P, size),
                 true = demonitor(ByPid, [info]),
                 %% The other node's answer may be here as well: both come out of the dark at the same time.
                 {messages, Messages} = process_info(self(), messages),
                 #{size => Size, messages => [Message || Message <- Messages, element(1, Message) =/= size]}
         end).

%% The first message that the fun takes; others stay where they are.
await(Fun) ->
    await(Fun, [], erlang:monotonic_time(millisecond) + ?DEADLINE_MS).

await(Fun, Others, Deadline) ->
    receive
        Message ->
            try Fun(Message) of
                Result ->
                    _ = [self() ! Other || Other <- lists:reverse(Others)],
                    Result
            catch error:function_clause ->
                    await(Fun, [Message | Others], Deadline)
            end
    after max(0, Deadline - erlang:monotonic_time(millisecond)) ->
            error({nothing, Others})
    end.

%% ---- on the witness, a node on the other side ----

%% Who watches and links the pids of a client that is gone, and whether the linked one lives.
left(Pids) ->
    [begin
         Of = fun(Of, Item) ->
                      case erpc:call(node(Of), erlang, process_info, [Of, Item]) of
                          {Item, Those} -> [Pid || Pid <- Those, is_pid(Pid), node(Pid) =:= node(Keeper)];
                          undefined -> []
                      end
              end,
         node_case:await(fun() -> Of(P, monitored_by) =:= [] end),
         node_case:await(fun() -> not erpc:call(node(P), erlang, is_process_alive, [Linked]) end),
         {Of(P, monitored_by), Of(P, links), erpc:call(node(P), erlang, is_process_alive, [Linked])}
     end || {Keeper, P, Linked} <- Pids].

%% ---- two namespaces, nodes in the first, the client in the second ----

world() ->
    First = namespace:start([net]),
    Second = namespace:start([net], First),
    namespace:run(First, "ip link add v1 address 02:00:00:00:00:01 type veth peer name v2 address 02:00:00:00:00:02"),
    namespace:run(First, "ip link set v2 netns " ++ integer_to_list(namespace:os_pid(Second))),
    [begin
         namespace:run(Place, "ip addr add 10.99.0." ++ N ++ "/24 dev v" ++ N),
         namespace:run(Place, "ip link set v" ++ N ++ " up"),
         namespace:run(Place, "ip link set lo up")
     end || {Place, N} <- [{First, "1"}, {Second, "2"}]],
    Places = #{first => First, second => Second, ports => []},
    ok = heal(Places),
    Epmds = [epmd(Place) || Place <- [First, Second]],
    Witness = beam(First, "witness", "10.99.0.1"),
    Otp = beam(First, "otp", "10.99.0.1"),
    ok = reference(Otp),
    {Node, Program} = program(First),
    Places#{witness => Witness, otp => Otp, client => beam(Second, "client", "10.99.0.2"), program => Program,
            epmds => Epmds, nodes => [Node, 'otp@10.99.0.1']}.

end_of_world(#{first := First, second := Second, client := Client, witness := Witness, otp := Otp} = World) ->
    #{program := Program, epmds := Epmds} = World,
    [peer:stop(Peer) || Peer <- [Client, Witness, Otp]],
    [begin
         _ = os:cmd("kill -TERM " ++ integer_to_list(os_pid(Port))),
         receive {Port, {exit_status, _}} -> ok after ?DEADLINE_MS -> error(still_there) end
     end || Port <- [Program | Epmds]],
    ok = namespace:stop(Second),
    namespace:stop(First).

cut(#{first := First, second := Second}) ->
    neighbour(First, "10.99.0.2", ?NOWHERE, "v1"),
    neighbour(Second, "10.99.0.1", ?NOWHERE, "v2").

heal(#{first := First, second := Second}) ->
    neighbour(First, "10.99.0.2", "02:00:00:00:00:02", "v1"),
    neighbour(Second, "10.99.0.1", "02:00:00:00:00:01", "v2").

neighbour(Place, Address, Hardware, Interface) ->
    namespace:run(Place, "ip neigh replace " ++ Address ++ " lladdr " ++ Hardware ++ " dev " ++ Interface
                  ++ " nud permanent").

port(Command) ->
    port(Command, []).

port([Command | Arguments], Env) ->
    open_port({spawn_executable, os:find_executable(Command)},
              [{args, Arguments}, {env, Env}, {line, 4096}, exit_status, stderr_to_stdout]).

os_pid(Port) ->
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    OsPid.

epmd(Place) ->
    Port = port(namespace:inside(Place) ++ ["epmd"]),
    Names = string:join(namespace:inside(Place) ++ ["epmd", "-names"], " "),
    ok = node_case:await(fun() -> string:find(os:cmd(Names), "up and running") =/= nomatch end),
    Port.

program(Place) ->
    Port = port(namespace:inside(Place) ++ [node_case:program(), "--name", "todo@10.99.0.1",
                                            "--persist", node_case:folder(),
                                            "--net-ticktime", integer_to_list(?TICKTIME_S), "--exit-on-eof"],
                [{"TODO_COOKIE", atom_to_list(erlang:get_cookie())}]),
    receive
        {Port, {data, {eol, "ready " ++ Node}}} -> {list_to_atom(Node), Port};
        {Port, {exit_status, Status}} -> error({not_started, Status})
    after ?DEADLINE_MS -> error(not_ready)
    end.

beam(Place, Name, Host) ->
    [Command | Arguments] = namespace:inside(Place) ++ [filename:join([code:root_dir(), "bin", "erl"])],
    {ok, Peer, _} = peer:start(#{name => list_to_atom(Name), host => Host, longnames => true,
                                 connection => standard_io, exec => {os:find_executable(Command), Arguments},
                                 args => ["-setcookie", atom_to_list(erlang:get_cookie()), "-hidden", "+S1:1",
                                          "-kernel", "net_ticktime", integer_to_list(?TICKTIME_S),
                                          "logger_level", "none"]}),
    [load(Peer, Module) || Module <- [?MODULE, node_case]],
    Peer.

load(Peer, Module) ->
    {Module, Code, _} = code:get_object_code(Module),
    {module, Module} = peer:call(Peer, code, load_binary, [Module, "", Code]).

reference(Peer) ->
    load(Peer, otp_reference),
    [{module, Stub} = peer:call(Peer, code, load_binary, [Stub, "", Code]) || {Stub, Code} <- otp_reference:stubs()],
    ok = peer:call(Peer, otp_reference, start, []).

on(Peer, Function, Arguments) ->
    peer:call(Peer, ?MODULE, Function, Arguments, 2 * ?DEADLINE_MS).

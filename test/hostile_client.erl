%% A well-behaved client in a BEAM of its own, which calls a list of the node all the time and tells how long it waited.
-module(hostile_client).

-export([start/2, stop/1, take/1, compare/2, list/1]).
-export([begin_to_call/2, taken/0, compared/1, echo/0]).

-define(CALL_MS, 30000).
-define(PAUSE_MS, 3).
-define(PAIRS, 15).

%% Of calls: how many, the slowest, how long the node's first thread was running during one at most (the load of the
%% machine does not count in that, but all that it did beside), how late this BEAM woke up from a pause at worst
%% (that is the load), and what went wrong.
-type figures() :: #{calls := non_neg_integer(), worst_us := non_neg_integer(), busy_us := non_neg_integer(),
                     late_us := non_neg_integer(), failures := [term()]}.
-export_type([figures/0]).

%% OsPid: the node's.
-spec start(node(), integer()) -> pid().
start(Node, OsPid) ->
    Name = node_case:unique("client"),
    Paths = lists:usort([filename:dirname(code:which(Module)) || Module <- [?MODULE, node_case]]),
    {ok, Beam, _} = peer:start_link(#{connection => standard_io, shutdown => close, wait_boot => 60000,
                                      exec => os:find_executable("erl"),
                                      args => ["-sname", Name, "-hidden", "-connect_all", "false", "-setcookie",
                                               atom_to_list(erlang:get_cookie()), "-pa" | Paths]}),
    ok = peer:call(Beam, ?MODULE, begin_to_call, [Node, OsPid]),
    Beam.

-spec stop(pid()) -> ok.
stop(Beam) ->
    peer:stop(Beam).

%% What there was since the last time.
-spec take(pid()) -> figures().
take(Beam) ->
    peer:call(Beam, ?MODULE, taken, [], 2 * ?CALL_MS).

%% Medians of calls to the node and to a process of this BEAM (echo/0), in turn, in microseconds.
-spec compare(pid(), {atom(), node()}) -> {non_neg_integer(), non_neg_integer()}.
compare(Beam, Echo) ->
    peer:call(Beam, ?MODULE, compared, [Echo], 2 * ?CALL_MS).

%% The list that it calls.
-spec list(pid()) -> pid().
list(Beam) ->
    {list, List} = peer:call(Beam, gen_server, call, [?MODULE, list, ?CALL_MS]),
    List.

%% ---- on the client ----

-spec begin_to_call(node(), integer()) -> ok.
begin_to_call(Node, OsPid) ->
    Self = self(),
    Pid = spawn(fun() ->
                        true = register(?MODULE, self()),
                        monitor_node(Node, true),
                        _ = put(busy, "/proc/" ++ integer_to_list(OsPid) ++ "/schedstat"),
                        Self ! {self(), ready},
                        loop(Node, none, none())
                end),
    receive {Pid, ready} -> ok end.

none() ->
    #{calls => 0, worst_us => 0, busy_us => 0, late_us => 0, failures => []}.

-spec taken() -> figures().
taken() ->
    gen_server:call(?MODULE, take, ?CALL_MS).

-spec compared({atom(), node()}) -> {non_neg_integer(), non_neg_integer()}.
compared(Echo) ->
    gen_server:call(?MODULE, {compare, Echo}, 2 * ?CALL_MS).

-spec echo() -> no_return().
echo() ->
    receive {'$gen_call', From, size} -> gen_server:reply(From, 0) end,
    echo().

loop(Node, List, Figures) ->
    receive
        {'$gen_call', From, take} ->
            gen_server:reply(From, Figures),
            loop(Node, List, none());
        {'$gen_call', From, list} ->
            gen_server:reply(From, {list, List}),
            loop(Node, List, Figures);
        {'$gen_call', From, {compare, Echo}} ->
            {Called, Compared} = lists:unzip([{timed(List), timed(Echo)} || _ <- lists:seq(1, ?PAIRS)]),
            gen_server:reply(From, {median(Called), median(Compared)}),
            loop(Node, List, Figures);
        {nodedown, Node} ->
            loop(Node, List, failed({nodedown, Node}, Figures))
    after 0 ->
            {Called, Counted} = call(Node, List, Figures),
            loop(Node, Called, pause(Counted))
    end.

pause(#{late_us := Late} = Figures) ->
    Begin = erlang:monotonic_time(microsecond),
    receive after ?PAUSE_MS -> ok end,
    Figures#{late_us := max(Late, erlang:monotonic_time(microsecond) - Begin - 1000 * ?PAUSE_MS)}.

%% A list may be ended by an attack that has the right to: then there is another one.
call(Node, none, Figures) ->
    Begin = now_us(),
    try gen_server:call({'Elixir.Todo.Cache', Node}, {server_process, <<"client">>}, ?CALL_MS) of
        List when is_pid(List) -> {List, counted(Begin, Figures)};
        Other -> {none, failed(Other, Figures)}
    catch
        exit:{noproc, _} -> {none, Figures};
        exit:{Reason, _} -> {none, failed(Reason, Figures)}
    end;
call(_Node, List, Figures) ->
    Begin = now_us(),
    try gen_server:call(List, size, ?CALL_MS) of
        Size when is_integer(Size) -> {List, counted(Begin, Figures)}
    catch
        exit:{timeout, _} -> {none, failed(timeout, Figures)};
        exit:{{nodedown, _} = Reason, _} -> {none, failed(Reason, Figures)};
        exit:{_, _} -> {none, Figures}
    end.

counted({Begin, Running}, #{calls := Calls, worst_us := Worst, busy_us := Busy} = Figures) ->
    {End, Run} = now_us(),
    Figures#{calls := Calls + 1, worst_us := max(Worst, End - Begin), busy_us := max(Busy, Run - Running)}.

%% And how long the node's first thread has been running.
now_us() ->
    Running = case file:read_file(get(busy)) of
                  {ok, Text} -> binary_to_integer(hd(binary:split(Text, <<" ">>))) div 1000;
                  {error, _} -> 0
              end,
    {erlang:monotonic_time(microsecond), Running}.

failed(Reason, #{failures := Failures} = Figures) ->
    Figures#{failures := lists:sublist([Reason | Failures], 5)}.

timed(none) ->
    1000 * ?CALL_MS;
timed(Server) ->
    {Us, _} = timer:tc(fun() -> catch gen_server:call(Server, size, ?CALL_MS) end),
    Us.

median(Figures) ->
    lists:nth((length(Figures) + 1) div 2, lists:sort(Figures)).

%% The node's processes as an OTP program: what otp_SUITE compares the C node with. Nothing here reaches a disk.
%%
%% The supervision tree, the ids, the registered names and the messages are those of docs/protocol.md. Each kind of
%% process has a callback module of the name that the C node shows for it, made by stubs/0.
-module(otp_reference).

-export([start/0, stubs/0]).
-export([start_link/1, start_link/2, init/1, handle_call/4, handle_cast/3, handle_info/3, terminate/3]).

-type kind() :: system | database | worker | cache | list | value.

%% On the reference node. The end of the tree is the end of the node, as with the C node.
-spec start() -> ok.
start() ->
    Self = self(),
    {Keeper, Monitor} = spawn_monitor(fun() -> keep(Self) end),
    receive
        {Keeper, started} -> demonitor(Monitor, [flush]), ok;
        {'DOWN', Monitor, process, Keeper, Reason} -> error(Reason)
    end.

keep(Starter) ->
    {ok, System} = start_link(system),
    unlink(System),
    Monitor = monitor(process, System),
    Starter ! {self(), started},
    receive {'DOWN', Monitor, process, System, _} -> erlang:halt(1) end.

%% Modules named as the C node's processes; each hands everything on to this one.
-spec stubs() -> [{module(), binary()}].
stubs() ->
    [stub(Module, Kind) || {Kind, Module} <- modules()].

stub(Module, Kind) ->
    Text = lists:flatten(
             io_lib:format("-module(~p).~n-compile([export_all, nowarn_export_all]).~n"
                           "start_link() -> otp_reference:start_link(~p).~n"
                           "start_link(A) -> otp_reference:start_link(~p, A).~n"
                           "init(_) -> otp_reference:init(~p).~n"
                           "handle_call(R, F, S) -> otp_reference:handle_call(~p, R, F, S).~n"
                           "handle_cast(R, S) -> otp_reference:handle_cast(~p, R, S).~n"
                           "handle_info(M, S) -> otp_reference:handle_info(~p, M, S).~n"
                           "terminate(R, S) -> otp_reference:terminate(~p, R, S).~n"
                           "code_change(_, S, _) -> {ok, S}.~n",
                           [Module, Kind, Kind, Kind, Kind, Kind, Kind, Kind])),
    {ok, Tokens, _} = erl_scan:string(Text),
    {ok, Module, Code} = compile:forms(forms(Tokens, []), [binary]),
    {Module, Code}.

forms([], []) ->
    [];
forms([{dot, _} = Dot | Rest], Form) ->
    {ok, Parsed} = erl_parse:parse_form(lists:reverse([Dot | Form])),
    [Parsed | forms(Rest, [])];
forms([Token | Rest], Form) ->
    forms(Rest, [Token | Form]).

-spec modules() -> [{kind(), module()}].
modules() ->
    [{system, 'Elixir.Todo.System'}, {database, 'Elixir.Todo.Database'}, {worker, 'Elixir.Todo.DatabaseWorker'},
     {cache, 'Elixir.Todo.Cache'}, {list, 'Elixir.Todo.Server'}, {value, 'Elixir.Todo.List'}].

module(Kind) ->
    proplists:get_value(Kind, modules()).

-spec start_link(kind()) -> gen_server:start_ret().
start_link(Kind) when Kind =:= system; Kind =:= database ->
    supervisor:start_link({local, module(Kind)}, module(Kind), []);
start_link(Kind) when Kind =:= cache; Kind =:= value ->
    gen_server:start_link({local, module(Kind)}, module(Kind), Kind, []);
start_link(Kind) ->
    gen_server:start_link(module(Kind), Kind, []).

-spec start_link(kind(), term()) -> gen_server:start_ret().
start_link(Kind, _Argument) ->
    start_link(Kind).

-spec init(kind()) -> term().
init(system) ->
    {ok, {#{strategy => rest_for_one, intensity => 3, period => 5},
          [child(value, worker, 5000), child(database, supervisor, infinity), child(cache, supervisor, infinity)]}};
init(database) ->
    Worker = child(worker, worker, 5000),
    {ok, {#{strategy => one_for_one, intensity => 3, period => 5}, [Worker#{id => N} || N <- [0, 1, 2]]}};
init(cache) ->
    process_flag(trap_exit, true),
    {ok, #{}};
init(list) ->
    {ok, #{'__struct__' => 'Elixir.Todo.List', next_id => 1, entries => #{}}};
init(_) ->
    {ok, []}.

child(Kind, Type, Shutdown) ->
    Module = module(Kind),
    #{id => Module, start => {Module, start_link, []}, restart => permanent, shutdown => Shutdown, type => Type,
      modules => [Module]}.

-spec handle_call(kind(), term(), gen_server:from(), State) -> {reply, term(), State}.
handle_call(cache, Request, _From, Lists) ->
    cache(Request, maps:filter(fun(_, Pid) -> is_process_alive(Pid) end, Lists));
handle_call(list, Request, _From, List) ->
    list(Request, List);
handle_call(value, {new, []}, _From, State) ->
    {ok, List} = init(list),
    {reply, List, State};
handle_call(_, Request, _From, State) ->
    {reply, {error, {bad_request, Request}}, State}.

cache({server_process, Name}, Lists) ->
    case Lists of
        #{Name := Pid} ->
            {reply, Pid, Lists};
        #{} ->
            {ok, Pid} = start_link(list),
            {reply, Pid, Lists#{Name => Pid}}
    end;
cache({whereis, Name}, Lists) ->
    {reply, maps:get(Name, Lists, nil), Lists};
cache(names, Lists) ->
    {reply, maps:keys(Lists), Lists};
cache(count, Lists) ->
    {reply, map_size(Lists), Lists};
cache(which_children, Lists) ->
    {reply, [{undefined, Pid, worker, [module(list)]} || Pid <- maps:values(Lists)], Lists};
cache(count_children, Lists) ->
    Count = map_size(Lists),
    {reply, [{specs, Count}, {active, Count}, {supervisors, 0}, {workers, Count}], Lists};
cache(Request, Lists) ->
    {reply, {error, {bad_request, Request}}, Lists}.

list({add_entry, Entry}, #{next_id := Id} = List) ->
    {reply, {ok, Id}, add(Entry, List)};
list({add_entries, New}, #{next_id := Id} = List) ->
    {reply, {ok, lists:seq(Id, Id + length(New) - 1)}, lists:foldl(fun add/2, List, New)};
list(entries, List) ->
    {reply, sorted(List), List};
list({entries, Date}, List) ->
    {reply, [Entry || #{date := Is} = Entry <- sorted(List), Is =:= Date], List};
list({entry, Id}, #{entries := Entries} = List) ->
    {reply, maps:get(Id, Entries, nil), List};
list(size, #{entries := Entries} = List) ->
    {reply, map_size(Entries), List};
list({update_entry, Id, Entry}, #{entries := Entries} = List) when is_map_key(Id, Entries) ->
    {reply, ok, List#{entries := Entries#{Id := Entry#{id => Id}}}};
list({update_entry, _, _}, List) ->
    {reply, {error, not_found}, List};
list({delete_entry, Id}, #{entries := Entries} = List) ->
    {reply, ok, List#{entries := maps:remove(Id, Entries)}};
list(sync, List) ->
    {reply, ok, List};
list(Request, List) ->
    {reply, {error, {bad_request, Request}}, List}.

add(Entry, #{next_id := Id, entries := Entries} = List) ->
    List#{next_id := Id + 1, entries := Entries#{Id => Entry#{id => Id}}}.

sorted(#{entries := Entries}) ->
    [Entry || {_, Entry} <- lists:keysort(1, maps:to_list(Entries))].

-spec handle_cast(kind(), term(), State) -> {noreply, State}.
handle_cast(list, Request, List) ->
    {reply, _, New} = list(Request, List),
    {noreply, New};
handle_cast(_, _Request, State) ->
    {noreply, State}.

-spec handle_info(kind(), term(), State) -> {noreply, State}.
handle_info(_, _Message, State) ->
    {noreply, State}.

%% No list outlives the cache.
-spec terminate(kind(), term(), term()) -> ok.
terminate(cache, _Reason, Lists) ->
    lists:foreach(fun(Pid) -> exit(Pid, shutdown) end, maps:values(Lists));
terminate(_, _Reason, _State) ->
    ok.

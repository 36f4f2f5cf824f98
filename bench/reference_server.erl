%% The server of one list: it reads the list when it starts and hands the whole of it to the database at every change.
-module(reference_server).

-behaviour(gen_server).

-export([init/1, handle_continue/2, handle_call/3, handle_cast/2]).

-type state() :: {Name :: binary(), reference_list:value()} | {Name :: binary(), unread}.

-spec init(binary()) -> {ok, state(), {continue, read}}.
init(Name) ->
    {ok, {Name, unread}, {continue, read}}.

-spec handle_continue(read, state()) -> {noreply, state()}.
handle_continue(read, {Name, unread}) ->
    case reference_database:get(Name) of
        nil -> {noreply, {Name, reference_list:new()}};
        List -> {noreply, {Name, List}}
    end.

-spec handle_call(term(), gen_server:from(), state()) -> {reply, term(), state()}.
handle_call({entries, Date}, _From, {_, List} = State) ->
    {reply, reference_list:entries(List, Date), State};
handle_call({add_entries, Entries}, _From, State) ->
    {reply, ok, changed(Entries, State)};
handle_call(sync, _From, {Name, _} = State) ->
    {reply, reference_database:sync(Name), State}.

-spec handle_cast(term(), state()) -> {noreply, state()}.
handle_cast({add_entry, Entry}, State) ->
    {noreply, changed([Entry], State)}.

changed(Entries, {Name, Old}) ->
    New = lists:foldl(fun(Entry, List) -> reference_list:add_entry(List, Entry) end, Old, Entries),
    ok = reference_database:store(Name, New),
    {Name, New}.

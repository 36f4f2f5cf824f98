%% The system of the book's chapter 7 as ordinary Erlang processes, to compare with: a cache, one server per list that
%% holds its map, a database with three workers that write the whole list at every change. As unsafe as the book's.
%%
%% Registered names and messages are those of docs/protocol.md; of these it has server_process, add_entry (cast),
%% entries, and, for the measuring, add_entries and sync. Unlike the node it acknowledges nothing.
-module(reference).

-export([start/1]).

%% Returns when it answers calls. It ends with this BEAM.
-spec start(file:filename()) -> ok.
start(Folder) ->
    {ok, _} = gen_server:start({local, 'Elixir.Todo.Database'}, reference_database, Folder, []),
    {ok, _} = gen_server:start({local, 'Elixir.Todo.Cache'}, reference_cache, [], []),
    ok.

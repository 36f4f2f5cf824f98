%% Drives observer as a user would and saves what it shows. Arguments: the program, its short name, its data folder, the
%% picture. Compiled and run by scripts/screenshot.
-module(screenshot).

-export([main/0]).

-include_lib("wx/include/wx.hrl").

-define(DEADLINE_MS, 30000).
-define(PROCESSES, 4). % observer's pages count from 0
-define(LISTS, [<<"alice">>, <<"bob">>, <<"shopping">>]).

-spec main() -> no_return().
main() ->
    try
        [Program, Name, Folder, Picture] = init:get_plain_arguments(),
        {Port, Node} = start(Program, Name, Folder),
        fill(Node),
        Frame = observe(Node),
        ok = save(Frame, Node, Picture),
        port_close(Port),
        halt(0)
    catch
        Class:Reason:Stack ->
            io:format(standard_error, "screenshot: ~p~n", [{Class, Reason, Stack}]),
            halt(1)
    end.

%% The node ends with the port.
start(Program, Name, Folder) ->
    Arguments = ["--sname", Name, "--persist", Folder, "--exit-on-eof", "--log-level", "warn"],
    ok = file:make_dir(Folder),
    Port = open_port({spawn_executable, Program}, [{args, Arguments}, {line, 1000}, exit_status]),
    receive
        {Port, {data, {eol, "ready " ++ Node}}} -> {Port, list_to_atom(Node)};
        {Port, {exit_status, Status}} -> error({not_started, Status})
    after ?DEADLINE_MS ->
            error(not_ready)
    end.

%% Lists with more and fewer entries: the columns differ.
fill(Node) ->
    Cache = {'Elixir.Todo.Cache', Node},
    [begin
         List = gen_server:call(Cache, {server_process, Title}),
         [{ok, _} = gen_server:call(List, {add_entry, #{date => {2023, 12, Day}, title => <<"Dentist">>}})
          || Day <- lists:seq(1, Number * 7)]
     end || {Number, Title} <- lists:enumerate(?LISTS)],
    ok.

%% Starts observer, takes the node from its menu and turns to the page of the processes. The frame.
observe(Node) ->
    ok = observer:start(),
    observer ! {get_debug_info, self()},
    {Env, Notebook} = receive {observer_debug, E, N, _} -> {E, N} after ?DEADLINE_MS -> error(no_observer) end,
    wx:set_env(Env),
    Item = wxMenuBar:findMenuItem(wx_object:call(observer, get_menubar), "Nodes", atom_to_list(Node)),
    observer ! #wx{id = Item, event = #wxCommand{type = command_menu_selected}},
    await(fun() -> wx_object:call(observer, get_active_node) =:= Node end),
    _ = wxNotebook:setSelection(Notebook, ?PROCESSES),
    List = list_of(wxNotebook:getPage(Notebook, ?PROCESSES)),
    Pids = [pid_to_list(Pid) || Pid <- erpc:call(Node, erlang, processes, [])],
    await(fun() -> rows(List) =/= [] andalso rows(List) -- Pids =:= [] end),
    wx:typeCast(wxWindow:getParent(wxWindow:getParent(Notebook)), wxFrame).

%% The list in a window, or in a window in it.
list_of(Window) ->
    hd([wx:typeCast(Found, wxListCtrl) || Found <- descendants(Window), wxWindow:getName(Found) =:= "listCtrl"]).

descendants(Window) ->
    lists:append([[Child | descendants(Child)] || Child <- wxWindow:getChildren(Window)]).

rows(List) ->
    [wxListCtrl:getItemText(List, Row) || Row <- lists:seq(0, wxListCtrl:getItemCount(List) - 1)].

%% The window is drawn some time after its contents are there: it has to look the same for a while.
save(Frame, Node, Picture) ->
    ok = observer_wx:set_status("Observer - " ++ atom_to_list(Node)),
    wxWindow:refresh(Frame),
    await(fun() ->
                  Before = wxImage:getData(capture(Frame)),
                  timer:sleep(1000),
                  wxImage:getData(capture(Frame)) =:= Before
          end),
    true = wxImage:saveFile(capture(Frame), Picture, ?wxBITMAP_TYPE_PNG),
    io:format("~ts: ~b bytes~n", [Picture, filelib:file_size(Picture)]).

%% As it stands on the screen, with its menus.
capture(Frame) ->
    {X, Y} = wxWindow:getScreenPosition(Frame),
    {Width, Height} = wxWindow:getSize(Frame),
    Screen = wxScreenDC:new(),
    Bitmap = wxBitmap:new(Width, Height),
    Memory = wxMemoryDC:new(Bitmap),
    true = wxDC:blit(Memory, {0, 0}, {Width, Height}, Screen, {X, Y}),
    wxMemoryDC:destroy(Memory),
    wxScreenDC:destroy(Screen),
    wxBitmap:convertToImage(Bitmap).

await(Condition) ->
    await(Condition, erlang:monotonic_time(millisecond) + ?DEADLINE_MS).

await(Condition, Deadline) ->
    case Condition() of
        true ->
            ok;
        false ->
            erlang:monotonic_time(millisecond) < Deadline orelse error({not_in_time, Condition}),
            timer:sleep(50),
            await(Condition, Deadline)
    end.

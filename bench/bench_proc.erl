%% What Linux tells of a process in /proc, and of the machine.
-module(bench_proc).

-export([cpu_ns/1, rss_bytes/1, peak_bytes/1, reset_peak/1, machine/0, load/0]).

-type os_pid() :: integer() | string().

%% User and system time of all its threads that live. Precise where the kernel keeps schedstat, else in ticks of 10 ms.
-spec cpu_ns(os_pid()) -> non_neg_integer().
cpu_ns(Pid) ->
    Tasks = proc(Pid, "task"),
    {ok, Ids} = file:list_dir(Tasks),
    case [Text || Id <- Ids, {ok, Text} <- [file:read_file(filename:join([Tasks, Id, "schedstat"]))]] of
        [] -> ticks(Pid) * 10000000;
        Texts -> lists:sum([binary_to_integer(hd(binary:split(Text, <<" ">>))) || Text <- Texts])
    end.

%% utime and stime are the 12th and 13th field behind the name in brackets.
ticks(Pid) ->
    {ok, Text} = file:read_file(proc(Pid, "stat")),
    Fields = string:lexemes(lists:last(binary:split(Text, <<") ">>, [global])), " "),
    lists:sum([binary_to_integer(Field) || Field <- lists:sublist(Fields, 12, 2)]).

-spec rss_bytes(os_pid()) -> non_neg_integer().
rss_bytes(Pid) ->
    status(Pid, <<"VmRSS">>).

%% Since reset_peak, or since the process began.
-spec peak_bytes(os_pid()) -> non_neg_integer().
peak_bytes(Pid) ->
    status(Pid, <<"VmHWM">>).

-spec reset_peak(os_pid()) -> ok | {error, term()}.
reset_peak(Pid) ->
    file:write_file(proc(Pid, "clear_refs"), "5").

status(Pid, Name) ->
    {ok, Text} = file:read_file(proc(Pid, "status")),
    {match, [Kilobytes]} = re:run(Text, <<Name/binary, ":\\s+(\\d+) kB">>, [{capture, all_but_first, binary}]),
    binary_to_integer(Kilobytes) * 1024.

proc(Pid, Name) when is_integer(Pid) -> proc(integer_to_list(Pid), Name);
proc(Pid, Name) -> filename:join(["/proc", Pid, Name]).

%% One line: processor, cores, memory, kernel.
-spec machine() -> string().
machine() ->
    {ok, Processors} = file:read_file("/proc/cpuinfo"),
    {ok, Memory} = file:read_file("/proc/meminfo"),
    {ok, Kernel} = file:read_file("/proc/sys/kernel/osrelease"),
    {match, [Kilobytes]} = re:run(Memory, "MemTotal:\\s+(\\d+)", [{capture, all_but_first, binary}]),
    lists:flatten(io_lib:format("~ts, ~b cores, ~b GB, Linux ~ts",
                                [model(Processors), erlang:system_info(logical_processors_available),
                                 round(binary_to_integer(Kilobytes) / 1048576), string:trim(Kernel)])).

model(Processors) ->
    case re:run(Processors, "model name\\s*: (.*)", [{capture, all_but_first, binary}]) of
        {match, [Model]} -> Model;
        nomatch -> erlang:system_info(system_architecture)
    end.

%% Of the last minute: how many threads ran or wanted to. Whatever runs beside the benchmark blurs it.
-spec load() -> string().
load() ->
    {ok, Text} = file:read_file("/proc/loadavg"),
    binary_to_list(hd(binary:split(Text, <<" ">>))).

defmodule RestartTest do
  use ExUnit.Case

  @today ~D[2024-03-04]

  test "everything is there after stop and start, and the files are plain values meanwhile" do
    {:ok, cache} = Todo.Cache.start()

    for name <- ["anna", "otto"], n <- 1..5 do
      cache
      |> Todo.Cache.server_process(name)
      |> Todo.Server.add_entry(%{date: @today, title: "#{name} #{n}"})
    end

    Todo.Database.store("number", 42)
    assert :todo.stop() == :ok
    assert_raise ErlangError, fn -> :todo.node() end

    folder = Application.fetch_env!(:todo, :persist)
    names = File.ls!(folder)
    assert ["anna", "number", "otto"] -- names == []
    refute Enum.any?(names, &String.starts_with?(&1, "."))

    assert %Todo.List{next_id: 6, entries: entries} =
             folder |> Path.join("anna") |> File.read!() |> :erlang.binary_to_term()

    assert entries[5] == %{id: 5, date: @today, title: "anna 5"}

    {:ok, cache} = Todo.Cache.start()
    otto = Todo.Cache.server_process(cache, "otto")
    assert for(entry <- Todo.Server.entries(otto, @today), do: entry.title) == for(n <- 1..5, do: "otto #{n}")
    assert Todo.Server.add_entry!(otto, %{date: @today, title: "new"}) == {:ok, 6}
    assert Todo.Database.get("number") == 42
  end

  test "a file of another program's is a list" do
    :ok = :todo.start()
    :ok = :todo.stop()
    entries = %{1 => %{id: 1, date: @today, title: "from elsewhere"}}
    file = Application.fetch_env!(:todo, :persist) |> Path.join("elsewhere")
    File.write!(file, :erlang.term_to_binary(%Todo.List{next_id: 8, entries: entries}))

    {:ok, server} = Todo.Server.start("elsewhere")
    assert Todo.Server.entries(server, @today) == Map.values(entries)
    assert Todo.Server.add_entry!(server, %{date: @today}) == {:ok, 8}
  end

  test "the pid of an earlier start is dead at once" do
    {:ok, old} = Todo.Server.start("anna")
    :ok = :todo.stop()
    :ok = :todo.start()
    assert {:noproc, _} = catch_exit(Todo.Server.size(old))
    monitor = Process.monitor(old)
    assert_receive {:DOWN, ^monitor, :process, ^old, :noproc}, 30_000
  end
end

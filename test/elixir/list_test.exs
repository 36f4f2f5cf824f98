defmodule ListTest do
  use ExUnit.Case

  @monday ~D[2024-03-04]
  @friday ~D[2024-03-08]

  setup_all do
    :todo.start()
  end

  test "an empty list" do
    assert Todo.List.new() == %Todo.List{}
    assert Todo.List.size(Todo.List.new()) == 0
    assert Todo.List.entries(Todo.List.new(), @monday) == []
  end

  test "entries are found by their date, in the order in which they came" do
    list =
      Todo.List.new()
      |> Todo.List.add_entry(%{date: @monday, title: "Water the plants"})
      |> Todo.List.add_entry(%{date: @friday, title: "Concert"})
      |> Todo.List.add_entry(%{date: @monday, title: "Post office"})

    assert %Todo.List{next_id: 4} = list
    assert Todo.List.size(list) == 3

    assert Todo.List.entries(list, @monday) == [
             %{id: 1, date: @monday, title: "Water the plants"},
             %{id: 3, date: @monday, title: "Post office"}
           ]

    assert Todo.List.entries(list, ~D[2024-03-05]) == []
  end

  test "a list made of many entries at once" do
    list = Todo.List.new(for n <- 1..500, do: %{date: Date.add(@monday, rem(n, 5)), title: "no. #{n}"})
    assert Todo.List.size(list) == 500
    assert length(Todo.List.entries(list, @friday)) == 100
    assert Map.keys(list.entries) |> Enum.sort() == Enum.to_list(1..500)
  end

  test "any enumerable makes a list" do
    stream = Stream.map(["a", "b"], &%{date: @monday, title: &1})
    assert Todo.List.new(stream) |> Todo.List.entries(@monday) |> Enum.map(& &1.title) == ["a", "b"]
  end

  test "a function updates an entry" do
    list = Todo.List.new([%{date: @monday, title: "Concert"}])
    moved = Todo.List.update_entry(list, 1, &Map.put(&1, :date, @friday))
    assert Todo.List.entries(moved, @monday) == []
    assert Todo.List.entries(moved, @friday) == [%{id: 1, date: @friday, title: "Concert"}]
    assert Todo.List.entries(list, @monday) == [%{id: 1, date: @monday, title: "Concert"}]
  end

  test "an update leaves the id alone, and without an entry everything" do
    list = Todo.List.new([%{date: @monday, title: "Concert"}])
    assert [%{id: 1}] = list |> Todo.List.update_entry(1, &%{&1 | id: 77}) |> Todo.List.entries(@monday)
    assert Todo.List.update_entry(list, 2, fn _ -> flunk("called for no entry") end) == list
  end

  test "an id is not used again after its entry was deleted" do
    list = Todo.List.new([%{date: @monday, title: "a"}, %{date: @monday, title: "b"}])
    shorter = Todo.List.delete_entry(list, 2)
    assert Todo.List.size(shorter) == 1
    assert Todo.List.delete_entry(shorter, 2) == shorter

    assert [%{id: 1}, %{id: 3, title: "c"}] =
             shorter |> Todo.List.add_entry(%{date: @monday, title: "c"}) |> Todo.List.entries(@monday)
  end

  test "any other keys and dates are kept as they are" do
    entry = %{
      :date => {2024, 3, 4},
      "note" => [1.5, nil, {:ok, "å"}],
      7 => %{deep: %{deeper: ~D[2024-03-04]}}
    }

    list = Todo.List.add_entry(Todo.List.new(), entry)
    assert Todo.List.entries(list, {2024, 3, 4}) == [Map.put(entry, :id, 1)]
    assert Todo.List.entries(list, @monday) == []
  end

  test "what is no entry or no list is refused" do
    assert Todo.List.add_entry(Todo.List.new(), %{title: "when?"}) == {:error, {:badarg, :no_date}}
    assert Todo.List.new([%{date: @monday}, :nothing]) == {:error, :badarg}
    assert Todo.List.size(:nothing) == {:error, {:badarg, :not_a_list}}
  end
end

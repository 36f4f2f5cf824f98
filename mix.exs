defmodule Mix.Tasks.Compile.TodoNode do
  @moduledoc "Builds priv/todo_node with make, against the libei of the OTP that Mix runs on."
  use Mix.Task.Compiler

  @impl true
  def run(_args) do
    args = ["--silent", "--jobs=#{System.schedulers_online()}", "all"]

    case System.cmd(make(), args, cd: __DIR__, env: ei(), stderr_to_stdout: true, into: IO.stream()) do
      {_output, 0} -> {:ok, []}
      {_output, status} -> Mix.raise("make ended with status #{status}; is everything there? Try: make setup")
    end
  end

  defp make do
    System.find_executable("gmake") || System.find_executable("make") ||
      Mix.raise("make is missing; scripts/setup installs what is needed on Debian")
  end

  # Without it the Makefile asks the erl in PATH.
  defp ei do
    case :code.lib_dir(:erl_interface) do
      {:error, :bad_name} -> []
      dir -> [{"ERL_EI_INCLUDE_DIR", "#{dir}/include"}, {"ERL_EI_LIBDIR", "#{dir}/lib"}]
    end
  end
end

defmodule Todo.MixProject do
  use Mix.Project

  # What rebar3 builds from; the two builds make the same application.
  {:ok, [{:application, :todo, properties}]} = :file.consult(Path.join(__DIR__, "src/todo.app.src"))
  @properties properties

  def project do
    [
      app: :todo,
      version: to_string(@properties[:vsn]),
      description: to_string(@properties[:description]),
      elixir: "~> 1.14",
      compilers: [:todo_node | Mix.compilers()],
      elixirc_paths: ["src"],
      erlc_paths: ["src"],
      elixirc_options: [warnings_as_errors: developing?()],
      erlc_options: [:debug_info | if(developing?(), do: [:warnings_as_errors], else: [])],
      # Not rebar3's folder.
      build_path: "_build/mix",
      deps: []
    ]
  end

  def application, do: Keyword.take(@properties, [:mod, :registered, :env])

  # A dependency is compiled in the environment prod: there a new compiler's new warning shall not stop anybody.
  defp developing?, do: Mix.env() != :prod
end

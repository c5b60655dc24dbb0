/-! ### At the end of the compiled worker only

A process that imports a module which the embedded Lean has compiled finds the code of its public constants, but not
the code of functions that the compiler made from them (`f._lam_0`, `f._boxed`, `f._closed_1`).  So each of those is
made a constant too; its type and value do not matter. -/

def publish : List IR.Decl → Environment → Environment
  | [], env => env
  | decl :: rest, env =>
    let env := Compiler.LCNF.setDeclPublic env decl.name
    if env.contains decl.name then publish rest env
    else
      let constant : TheoremVal :=
        { name := decl.name, levelParams := [], type := mkConst ``True, value := mkConst ``True.intro }
      match env.addDeclCore 0 (.thmDecl constant) none with
      | .ok env => publish rest env
      | .error _ => publish rest env

run_cmd modifyEnv fun env => publish (IR.getDecls env) env

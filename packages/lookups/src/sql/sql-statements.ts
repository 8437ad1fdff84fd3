/** What may hold a semicolon that ends no statement: strings, quoted names, comments. */
const TOKEN =
  /'[^']*(?:''[^']*)*(?:'|$)|"[^"]*(?:""[^"]*)*(?:"|$)|`[^`]*(?:``[^`]*)*(?:`|$)|\[[^\]]*(?:\]|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|;|[^'"`[\-/;]+|[\s\S]/g;
/** Has statements of its own between BEGIN and END. */
const TRIGGER = /^\s*CREATE\s+(?:TEMP\s+|TEMPORARY\s+)?TRIGGER\b/i;

/** The statements of a query one by one: SQLite prepares only the first. A trigger takes all that follows it. */
export function sqlStatements(query: string): readonly string[] {
  const statements: string[] = [];
  let tokens: string[] = [];
  let hasText = false;
  let isTrigger = false;
  const end = (): void => {
    if (hasText) statements.push(tokens.join(""));
    tokens = [];
    hasText = false;
  };
  for (const [token] of query.matchAll(TOKEN)) {
    if (token === ";" && !isTrigger) {
      end();
      continue;
    }
    tokens.push(token);
    if (hasText || token.startsWith("--") || token.startsWith("/*") || token.trim() === "") continue;
    hasText = true;
    isTrigger = TRIGGER.test(token);
  }
  end();
  return statements;
}

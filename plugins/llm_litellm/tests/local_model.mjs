// A real small model behind OpenAI's chat completions: node local_model.mjs FOLDER-OF-NODE_MODULES MODEL.gguf
// One answer at a time, one thread: more of them spin against each other on a busy machine.
import http from "node:http";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [folder, modelPath] = process.argv.slice(2);
const entry = path.join(folder, "node_modules", "node-llama-cpp", "dist", "index.js");
const { getLlama, LlamaChatSession } = await import(pathToFileURL(entry));
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: "error" });
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({ contextSize: 1024, threads: 1, sequences: 1 });
const kinds = { system: "system", user: "user", assistant: "model" };

async function answer(body, say) {
  const contextSequence = context.getSequence();
  const before = contextSequence.tokenMeter.getState();
  const session = new LlamaChatSession({ contextSequence });
  const told = body.messages.map(({ role, content }) => ({ type: kinds[role], text: content, response: [content] }));
  session.setChatHistory(told.slice(0, -1));
  const limit = { maxTokens: body.max_tokens ?? 64, temperature: 0, onTextChunk: say };
  const { responseText, stopReason } = await session.promptWithMeta(told.at(-1).text, limit);
  const used = contextSequence.tokenMeter.diff(before);
  session.dispose();
  contextSequence.dispose();
  const usage = { prompt_tokens: used.usedInputTokens, completion_tokens: used.usedOutputTokens };
  usage.total_tokens = usage.prompt_tokens + usage.completion_tokens;
  return { text: responseText, finish: stopReason === "maxTokens" ? "length" : "stop", usage };
}

async function chat(body, response) {
  const head = { id: `chatcmpl-${Date.now()}`, created: Math.floor(Date.now() / 1000), model: body.model };
  const send = (data) => response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", ...data })}\n\n`);
  const delta = (content, finish = null) => send({ choices: [{ index: 0, delta: content, finish_reason: finish }] });
  if (body.stream) response.writeHead(200, { "content-type": "text/event-stream" });
  const { text, finish, usage } = await answer(body, body.stream ? (content) => delta({ content }) : undefined);
  if (body.stream) {
    delta({}, finish);
    if (body.stream_options?.include_usage) send({ choices: [], usage });
    response.end("data: [DONE]\n\n");
    return;
  }
  const choice = { index: 0, message: { role: "assistant", content: text }, finish_reason: finish };
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ ...head, object: "chat.completion", choices: [choice], usage }));
}

let turn = Promise.resolve();
const server = http.createServer(async (request, response) => {
  let text = "";
  for await (const block of request) text += block;
  turn = turn.then(() => chat(JSON.parse(text), response)).catch((error) => response.destroy(error));
});
server.listen(0, "127.0.0.1", () => console.log(`listening on ${server.address().port}`));

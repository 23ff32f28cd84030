const $ = id => document.getElementById(id);
const api = '/api/v1/collections';
let picture = null;
let newest = 0;

async function ask(url, options) {
  const response = await fetch(url, options);
  const body = await response.json();
  if (!response.ok) throw new Error([body.title, body.detail].filter(Boolean).join(' '));
  return body;
}

function say(text, problem = false) {
  $('message').textContent = text;
  $('message').classList.toggle('problem', problem);
}

const target = () => document.querySelector('input[name=target]:checked').value;
const collection = () => encodeURIComponent($('collection').value);

async function search(parameters, body) {
  const mine = ++newest;
  try {
    const query = new URLSearchParams({ target: target(), k: 24, ...parameters });
    const url = body ? `${api}/${collection()}/search/image?${query}` : `${api}/${collection()}/search?${query}`;
    const answer = await ask(url, body ? { method: 'POST', body } : undefined);
    if (mine !== newest) return; // A later search has been asked meanwhile.
    say(answer.complete ? '' : `Not complete: ${answer.missingShards.join('; ')}`, !answer.complete);
    show(answer.results[0]);
    $('footer').textContent = `${answer.results[0].length} results in ${milliseconds(answer.elapsed)} ms, generation ${answer.generation}`;
  } catch (failure) {
    if (mine === newest) say(failure.message, true);
  }
}

const milliseconds = span => {
  const [hours, minutes, seconds] = span.split(':').map(Number);
  return (((hours * 60 + minutes) * 60 + seconds) * 1000).toFixed(1);
};

function show(hits) {
  $('results').replaceChildren(...hits.map(hit => {
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.title = 'More like this';
    button.onclick = () => { forget(); search({ item: hit.id }); };
    if (hit.modality === 'image') {
      const image = document.createElement('img');
      image.src = `${api}/${collection()}/items/${encodeURIComponent(hit.id)}/content`;
      image.alt = hit.metadata.caption ?? hit.id;
      image.loading = 'lazy';
      button.append(image);
    }
    const caption = document.createElement('div');
    caption.className = 'caption';
    caption.textContent = hit.metadata.caption ?? hit.id;
    const small = document.createElement('small');
    small.textContent = `${hit.score.toFixed(3)} · ${hit.id}`;
    caption.append(small);
    const meter = document.createElement('meter');
    meter.max = 1;
    meter.value = Math.max(0, hit.score);
    button.append(caption, meter);
    item.append(button);
    return item;
  }));
}

function forget() {
  picture = null;
  $('file').value = '';
}

function again() {
  const parameters = {};
  if ($('query').value.trim()) parameters.q = $('query').value;
  if ($('minus').value.trim()) parameters.minus = $('minus').value;
  if (picture) search({}, picture);
  else if (parameters.q) search(parameters);
}

$('search').onsubmit = event => { event.preventDefault(); forget(); again(); };
document.querySelectorAll('input[name=target]').forEach(input => input.onchange = again);
$('collection').onchange = again;
$('file').onchange = () => { picture = $('file').files[0] ?? null; again(); };
document.body.ondragover = event => { event.preventDefault(); document.body.classList.add('dropping'); };
document.body.ondragleave = () => document.body.classList.remove('dropping');
document.body.ondrop = event => {
  event.preventDefault();
  document.body.classList.remove('dropping');
  if (event.dataTransfer.files[0]) { picture = event.dataTransfer.files[0]; again(); }
};

try {
  const collections = await ask(api);
  $('collection').append(...collections.map(c => new Option(c.name)));
  if (collections.length === 0) say('There is no collection yet. Build one with: fusemix collections build NAME MODEL DATASET');
  else $('about').textContent = `${collections[0].shards.reduce((sum, s) => sum + s.count, 0).toLocaleString()} items`;
} catch (failure) {
  say(failure.message, true);
}

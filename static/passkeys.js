// Passkeys: fetches what the authenticator is asked, asks it, and sends its answer with the form. It decides nothing; the server does.
(function () {
  'use strict';
  var able = window.PublicKeyCredential && navigator.credentials;

  function bytes(text) {
    var raw = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
    return Uint8Array.from(raw, function (letter) { return letter.charCodeAt(0); });
  }
  function text(buffer) {
    var raw = String.fromCharCode.apply(null, new Uint8Array(buffer));
    return btoa(raw).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  }

  // Tells the browser's passkeys what the server knows, where it listens (WebAuthn section 5.1.10).
  var told = document.querySelector('[data-rp]');
  function signal(name, what) {
    if (able && typeof PublicKeyCredential[name] === 'function') {
      what.rpId = told.dataset.rp;
      PublicKeyCredential[name](what).catch(function () {});
    }
  }
  if (told && told.dataset.unknown) {
    signal('signalUnknownCredential', { credentialId: told.dataset.unknown });
  }
  if (told && told.dataset.user) {
    var accepted = told.dataset.accepted.split(' ').filter(Boolean);
    signal('signalAllAcceptedCredentials', { userId: told.dataset.user, allAcceptedCredentialIds: accepted });
    signal('signalCurrentUserDetails', { userId: told.dataset.user, name: told.dataset.name, displayName: told.dataset.display });
  }

  var form = document.querySelector('form[data-passkey]');
  if (!form) {
    return;
  }
  var data = form.dataset;
  var problem = document.getElementById('passkey-problem');
  var waiting = null;
  var busy = false;

  function tell(words) {
    problem.textContent = words;
    problem.hidden = !words;
  }
  function options() {
    var body = new URLSearchParams(new FormData(form));
    body.delete('credential');
    return fetch(data.options, { method: 'POST', body: body }).then(function (answer) {
      if (answer.redirected) {
        // The page was open for too long, or the sign-in is too old: the server says where to begin.
        location.reload();
      }
      if (!answer.ok) {
        throw new Error('status ' + answer.status);
      }
      return answer.json();
    }).then(function (asked) {
      asked.challenge = bytes(asked.challenge);
      if (asked.user) {
        asked.user.id = bytes(asked.user.id);
      }
      (asked.allowCredentials || asked.excludeCredentials || []).forEach(function (one) { one.id = bytes(one.id); });
      return asked;
    });
  }
  function send(credential) {
    var answer = { userHandle: null };
    ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'].forEach(function (name) {
      if (credential.response[name]) {
        answer[name] = text(credential.response[name]);
      }
    });
    form.elements.credential.value = JSON.stringify({
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      response: answer,
      clientExtensionResults: credential.getClientExtensionResults()
    });
    var remember = document.querySelector('input[type=checkbox][name=remember]');
    if (remember && form.elements.remember) {
      form.elements.remember.disabled = !remember.checked;
    }
    form.submit();
  }
  // The browser offers passkeys where the name is typed. The question is good for five minutes, so it is asked anew before.
  function autofill(left) {
    if (left === 0 || busy || !PublicKeyCredential.isConditionalMediationAvailable) {
      return;
    }
    PublicKeyCredential.isConditionalMediationAvailable().then(function (can) {
      return can && options();
    }).then(function (asked) {
      if (!asked || busy) {
        return;
      }
      var own = new AbortController();
      waiting = own;
      setTimeout(function () {
        if (waiting === own) {
          own.abort();
          autofill(left - 1);
        }
      }, 240000);
      return navigator.credentials.get({ publicKey: asked, mediation: 'conditional', signal: own.signal }).then(send);
    }).catch(function () {});
  }
  form.addEventListener('submit', function (event) {
    event.preventDefault();
    if (busy) {
      return;
    }
    if (!able) {
      tell(data.unsupported);
      return;
    }
    busy = true;
    tell('');
    if (waiting) {
      waiting.abort();
      waiting = null;
    }
    options().then(function (asked) {
      return data.passkey === 'create' ? navigator.credentials.create({ publicKey: asked }) : navigator.credentials.get({ publicKey: asked });
    }).then(send).catch(function (error) {
      busy = false;
      tell(error.name === 'InvalidStateError' && data.known ? data.known : data.failed);
    });
  });
  if (able && data.autofill) {
    autofill(14);
  }
})();
